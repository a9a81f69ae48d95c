// Names of states and provinces by GeoNames admin code, for the countries where people add them to a city's
// name. `code|Name|abbreviation`, the abbreviation where it differs from the code and is in use.
const tables = {
  US: `AL|Alabama, AK|Alaska, AZ|Arizona, AR|Arkansas, CA|California, CO|Colorado, CT|Connecticut, DE|Delaware,
    DC|District of Columbia, FL|Florida, GA|Georgia, HI|Hawaii, ID|Idaho, IL|Illinois, IN|Indiana, IA|Iowa,
    KS|Kansas, KY|Kentucky, LA|Louisiana, ME|Maine, MD|Maryland, MA|Massachusetts, MI|Michigan, MN|Minnesota,
    MS|Mississippi, MO|Missouri, MT|Montana, NE|Nebraska, NV|Nevada, NH|New Hampshire, NJ|New Jersey,
    NM|New Mexico, NY|New York, NC|North Carolina, ND|North Dakota, OH|Ohio, OK|Oklahoma, OR|Oregon,
    PA|Pennsylvania, RI|Rhode Island, SC|South Carolina, SD|South Dakota, TN|Tennessee, TX|Texas, UT|Utah,
    VT|Vermont, VA|Virginia, WA|Washington, WV|West Virginia, WI|Wisconsin, WY|Wyoming`,
  CA: `01|Alberta|AB, 02|British Columbia|BC, 03|Manitoba|MB, 04|New Brunswick|NB,
    05|Newfoundland and Labrador|NL, 07|Nova Scotia|NS, 08|Ontario|ON, 09|Prince Edward Island|PE,
    10|Quebec|QC, 11|Saskatchewan|SK, 12|Yukon|YT, 13|Northwest Territories|NT, 14|Nunavut|NU`,
  AU: `01|Australian Capital Territory|ACT, 02|New South Wales|NSW, 03|Northern Territory|NT, 04|Queensland|QLD,
    05|South Australia|SA, 06|Tasmania|TAS, 07|Victoria|VIC, 08|Western Australia|WA`,
  GB: `ENG|England, NIR|Northern Ireland|NI, SCT|Scotland, WLS|Wales`,
  DE: `01|Baden-Württemberg|BW, 02|Bavaria|BY, 03|Bremen|HB, 04|Hamburg|HH, 05|Hesse|HE, 06|Lower Saxony,
    07|North Rhine-Westphalia|NRW, 08|Rhineland-Palatinate|RP, 09|Saarland, 10|Schleswig-Holstein|SH,
    11|Brandenburg|BB, 12|Mecklenburg-Vorpommern|MV, 13|Saxony, 14|Saxony-Anhalt, 15|Thuringia, 16|Berlin`,
  AT: `01|Burgenland, 02|Carinthia, 03|Lower Austria, 04|Upper Austria, 05|Salzburg, 06|Styria, 07|Tyrol,
    08|Vorarlberg, 09|Vienna`,
  FR: `11|Île-de-France, 24|Centre-Val de Loire, 27|Bourgogne-Franche-Comté, 28|Normandy, 32|Hauts-de-France,
    44|Grand Est, 52|Pays de la Loire, 53|Brittany, 75|Nouvelle-Aquitaine, 76|Occitanie,
    84|Auvergne-Rhône-Alpes, 93|Provence-Alpes-Côte d'Azur, 94|Corsica`,
  ES: `07|Balearic Islands, 27|La Rioja, 29|Madrid, 31|Murcia, 32|Navarre, 34|Asturias, 39|Cantabria,
    51|Andalusia, 52|Aragon, 53|Canary Islands, 54|Castilla-La Mancha, 55|Castile and León, 56|Catalonia,
    57|Extremadura, 58|Galicia, 59|Basque Country, 60|Valencia, CE|Ceuta, ML|Melilla`,
  IT: `01|Abruzzo, 02|Basilicata, 03|Calabria, 04|Campania, 05|Emilia-Romagna, 06|Friuli Venezia Giulia,
    07|Lazio, 08|Liguria, 09|Lombardy, 10|Marche, 11|Molise, 12|Piedmont, 13|Apulia, 14|Sardinia, 15|Sicily,
    16|Tuscany, 17|Trentino-Alto Adige, 18|Umbria, 19|Aosta Valley, 20|Veneto`,
  IN: `01|Andaman and Nicobar Islands, 02|Andhra Pradesh, 03|Assam, 05|Chandigarh, 07|Delhi, 09|Gujarat,
    10|Haryana, 11|Himachal Pradesh, 12|Jammu and Kashmir, 13|Kerala, 14|Lakshadweep, 16|Maharashtra,
    17|Manipur, 18|Meghalaya, 19|Karnataka, 20|Nagaland, 21|Odisha, 22|Puducherry, 23|Punjab, 24|Rajasthan,
    25|Tamil Nadu, 26|Tripura, 28|West Bengal, 29|Sikkim, 30|Arunachal Pradesh, 31|Mizoram, 33|Goa, 34|Bihar,
    35|Madhya Pradesh, 36|Uttar Pradesh, 37|Chhattisgarh, 38|Jharkhand, 39|Uttarakhand, 40|Telangana,
    41|Ladakh`,
  BR: `01|Acre, 02|Alagoas, 03|Amapá, 04|Amazonas, 05|Bahia|BA, 06|Ceará|CE, 07|Distrito Federal|DF,
    08|Espírito Santo|ES, 11|Mato Grosso do Sul|MS, 13|Maranhão, 14|Mato Grosso|MT, 15|Minas Gerais|MG,
    16|Pará, 17|Paraíba, 18|Paraná|PR, 20|Piauí, 21|Rio de Janeiro|RJ, 22|Rio Grande do Norte|RN,
    23|Rio Grande do Sul|RS, 24|Rondônia, 25|Roraima, 26|Santa Catarina|SC, 27|São Paulo|SP, 28|Sergipe,
    29|Goiás, 30|Pernambuco, 31|Tocantins`,
  MX: `01|Aguascalientes, 02|Baja California, 03|Baja California Sur, 04|Campeche, 05|Chiapas, 06|Chihuahua,
    07|Coahuila, 08|Colima, 09|Mexico City|CDMX, 10|Durango, 11|Guanajuato, 12|Guerrero, 13|Hidalgo,
    14|Jalisco, 15|State of Mexico, 16|Michoacán, 17|Morelos, 18|Nayarit, 19|Nuevo León, 20|Oaxaca,
    21|Puebla, 22|Querétaro, 23|Quintana Roo, 24|San Luis Potosí, 25|Sinaloa, 26|Sonora, 27|Tabasco,
    28|Tamaulipas, 29|Tlaxcala, 30|Veracruz, 31|Yucatán, 32|Zacatecas`,
}

/** `{ id: 'US.TX', name: 'Texas', names: ['Texas', 'TX'] }` of each region. */
export const regions = Object.entries(tables).flatMap(([country, table]) =>
  table.split(',').map((row) => {
    const [code, name, abbreviation] = row.trim().split('|')
    const short = abbreviation ?? (/^[A-Z]+$/.test(code) ? code : undefined)
    return { id: `${country}.${code}`, name, names: short ? [name, short] : [name] }
  }),
)

/** Further names of countries and regions. */
export const areaAliases = `
US: USA, U.S.A., United States of America, America, the United States, the US, the USA
GB: UK, Great Britain, Britain, the UK, the United Kingdom
AE: UAE, Emirates, the UAE, the United Arab Emirates
NL: Holland, the Netherlands
CZ: Czech Republic, the Czech Republic
TR: Turkey, Turkiye
MM: Burma
CI: Ivory Coast, Cote d'Ivoire
KR: Korea, Republic of Korea, ROK
KP: DPRK
CN: PRC, People's Republic of China
TW: Republic of China
RU: Russian Federation
CD: DRC, Congo, Congo-Kinshasa, Democratic Republic of the Congo
CG: Congo, Congo-Brazzaville
MK: Macedonia
SZ: Swaziland
CV: Cabo Verde
TL: East Timor
PS: Palestinian Territories, State of Palestine
VA: Vatican, Holy See
MO: Macao
HK: Hong Kong SAR
SA: KSA
NZ: Aotearoa
ZA: RSA
PH: the Philippines
BS: the Bahamas
GM: the Gambia
MV: the Maldives
DO: the Dominican Republic
IE: Republic of Ireland, Eire
BA: Bosnia
VN: Viet Nam
SY: Syrian Arab Republic
LA: Lao PDR
IR: Islamic Republic of Iran
US.DC: Washington DC, D.C.
US.CA: Calif
US.PA: Penn
US.MA: Mass
CA.10: Québec, PQ
CA.05: Newfoundland, Labrador
CA.09: PEI
DE.01: Baden-Wuerttemberg
DE.02: Bayern
DE.05: Hessen
DE.06: Niedersachsen
DE.07: Nordrhein-Westfalen
DE.08: Rheinland-Pfalz
DE.13: Sachsen
DE.14: Sachsen-Anhalt
DE.15: Thüringen, Thueringen
AT.02: Kärnten
AT.03: Niederösterreich
AT.04: Oberösterreich
AT.06: Steiermark
AT.07: Tirol
FR.28: Normandie
FR.53: Bretagne
FR.94: Corse
ES.07: Islas Baleares, Mallorca, Majorca
ES.51: Andalucía
ES.53: Canarias, Tenerife, Gran Canaria
ES.56: Cataluña, Catalunya
ES.59: País Vasco, Euskadi
IT.09: Lombardia
IT.12: Piemonte
IT.13: Puglia
IT.14: Sardegna
IT.15: Sicilia
IT.16: Toscana
IN.21: Orissa
BR.07: Federal District
MX.15: Estado de México, Edomex
`

/** English names that differ from those of CLDR. */
export const countryNames = {
  CD: 'DR Congo',
  CG: 'Republic of the Congo',
  HK: 'Hong Kong',
  MM: 'Myanmar',
  MO: 'Macau',
  PS: 'Palestine',
  XK: 'Kosovo',
}
