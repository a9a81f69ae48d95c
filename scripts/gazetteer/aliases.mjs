// Other names of cities: in English, in their own language, former, short. GeoNames' list of cities gives
// one name each. `Name in GeoNames|country: other names`.
export const cityAliases = `
Munich|DE: München, Muenchen, Monaco di Baviera
Köln|DE: Cologne
Hannover|DE: Hanover
Nürnberg|DE: Nuremberg
Frankfurt am Main|DE: Frankfurt, Frankfurt/Main
Freiburg|DE: Freiburg im Breisgau
Braunschweig|DE: Brunswick
Aachen|DE: Aix-la-Chapelle
Halle (Saale)|DE: Halle
Vienna|AT: Wien
Zürich|CH: Zurigo
Genève|CH: Geneva, Genf
Basel|CH: Basle, Bâle
Bern|CH: Berne
Luzern|CH: Lucerne
Sankt Gallen|CH: St. Gallen, St Gall
Sitten|CH: Sion
Brussels|BE: Bruxelles, Brussel
Antwerpen|BE: Antwerp, Anvers
Gent|BE: Ghent, Gand
Brugge|BE: Bruges
Liège|BE: Liege, Luik
The Hague|NL: Hague, Den Haag, 's-Gravenhage
Lyon|FR: Lyons
Marseille|FR: Marseilles
Strasbourg|FR: Strassburg, Straßburg
Nice|FR: Nizza
Dunkerque|FR: Dunkirk
Rome|IT: Roma
Milan|IT: Milano
Naples|IT: Napoli
Turin|IT: Torino
Florence|IT: Firenze
Genoa|IT: Genova
Venice|IT: Venezia
Padova|IT: Padua
Mantova|IT: Mantua
Siracusa|IT: Syracuse
Bolzano|IT: Bozen
Livorno|IT: Leghorn
Lisbon|PT: Lisboa
Porto|PT: Oporto
Sevilla|ES: Seville
Zaragoza|ES: Saragossa
Palma|ES: Palma de Mallorca
Las Palmas de Gran Canaria|ES: Las Palmas
Donostia / San Sebastián|ES: San Sebastián, Donostia
Bilbao|ES: Bilbo
Pamplona|ES: Iruña
Prague|CZ: Praha, Prag
Brno|CZ: Brünn
Pilsen|CZ: Plzeň
Bratislava|SK: Pressburg
Warsaw|PL: Warszawa, Warschau
Kraków|PL: Cracow
Wrocław|PL: Breslau
Gdańsk|PL: Danzig
Łódź|PL: Lodz
Poznań|PL: Posen
Szczecin|PL: Stettin
Copenhagen|DK: København, Kobenhavn, Kopenhagen
Århus|DK: Aarhus
Göteborg|SE: Gothenburg
Malmö|SE: Malmoe
Helsinki|FI: Helsingfors
Turku|FI: Åbo
Bucharest|RO: București, Bucuresti
Belgrade|RS: Beograd
Sofia|BG: Sofiya, София
Athens|GR: Athina, Αθήνα
Thessaloníki|GR: Salonica, Salonika
Nicosia|CY: Lefkosia
Chisinau|MD: Chișinău, Kishinev
Tirana|AL: Tiranë
Pristina|XK: Prishtina
Moscow|RU: Moskva, Москва, Moskau
Saint Petersburg|RU: Sankt-Peterburg, Petersburg, Leningrad, Санкт-Петербург
Nizhniy Novgorod|RU: Nizhny Novgorod
Rostov-na-Donu|RU: Rostov-on-Don, Rostov
Yekaterinburg|RU: Ekaterinburg
Kyiv|UA: Kiev, Kyjiv, Київ, Киев
Lviv|UA: Lvov, Lemberg
Kharkiv|UA: Kharkov
Odessa|UA: Odesa
Dnipro|UA: Dnepropetrovsk, Dnipropetrovsk
Mykolayiv|UA: Mykolaiv, Nikolaev
Zaporizhia|UA: Zaporizhzhia
Istanbul|TR: Constantinople
İzmir|TR: Smyrna
Tbilisi|GE: Tiflis
Yerevan|AM: Erevan
Dublin|IE: Baile Átha Cliath
New York City|US: New York, NYC, N.Y.C., Big Apple, New York NY
Washington|US: Washington DC, Washington D.C., City of Washington
Los Angeles|US: LA, L.A.
San Francisco|US: SF, San Fran
The Bronx|US: Bronx
Las Vegas|US: Vegas
New Orleans|US: NOLA
Philadelphia|US: Philly
Saint Paul|US: St Paul
Saint Louis|US: St Louis
Nashville|US: Nashville-Davidson
Montréal|CA: Montreal
Québec|CA: Quebec City, Ville de Québec
Mexico City|MX: Ciudad de México, CDMX, Mexico DF
Juárez|MX: Ciudad Juárez
León de los Aldama|MX: León
Santiago de Querétaro|MX: Querétaro
Victoria de Durango|MX: Durango
Tuxtla|MX: Tuxtla Gutiérrez
Acapulco de Juárez|MX: Acapulco
Oaxaca|MX: Oaxaca de Juárez
Panamá|PA: Panama City, Ciudad de Panamá
Guatemala City|GT: Guatemala, Ciudad de Guatemala
Havana|CU: La Habana, Habana
San José|CR: San Jose de Costa Rica
Bogotá|CO: Santa Fe de Bogotá
Cartagena|CO: Cartagena de Indias
Brasília|BR: Brasilia
Rio de Janeiro|BR: Rio
São Paulo|BR: Sampa
Asunción|PY: Asuncion
San Miguel de Tucumán|AR: Tucumán
San Carlos de Bariloche|AR: Bariloche
Santiago|CL: Santiago de Chile
Mumbai|IN: Bombay
Kolkata|IN: Calcutta
Chennai|IN: Madras
Bengaluru|IN: Bangalore
Delhi|IN: Dilli
New Delhi|IN: Nai Dilli
Pune|IN: Poona
Cochin|IN: Kochi
Thiruvananthapuram|IN: Trivandrum
Varanasi|IN: Benares, Banaras
Allahābād|IN: Prayagraj
Vadodara|IN: Baroda
Mysore|IN: Mysuru
Mangalore|IN: Mangaluru
Gurgaon|IN: Gurugram
Puducherry|IN: Pondicherry
Visakhapatnam|IN: Vizag
Tiruchirappalli|IN: Trichy
Coimbatore|IN: Kovai
Hubli|IN: Hubballi
Hāora|IN: Howrah
Ghāziābād|IN: Ghaziabad
Bhubaneshwar|IN: Bhubaneswar
Dehra Dūn|IN: Dehradun
Kathmandu|NP: Katmandu
Dhaka|BD: Dacca
Chittagong|BD: Chattogram
Yangon|MM: Rangoon
Nay Pyi Taw|MM: Naypyidaw
Bangkok|TH: Krung Thep
Ho Chi Minh City|VN: Saigon, HCMC, Thành phố Hồ Chí Minh
Hanoi|VN: Hà Nội, Ha Noi
Da Nang|VN: Danang
Haiphong|VN: Hai Phong
Phnom Penh|KH: Pnom Penh
Kuala Lumpur|MY: KL
Johor Bahru|MY: JB
Jakarta|ID: Batavia, DKI Jakarta
Yogyakarta|ID: Jogjakarta, Jogja
Surakarta|ID: Solo
Makassar|ID: Ujung Pandang
Manila|PH: Maynila
Davao|PH: Davao City
Cebu City|PH: Cebu
Caloocan City|PH: Caloocan
Makati City|PH: Makati
Pasig City|PH: Pasig
Beijing|CN: Peking, Peiping, 北京
Shanghai|CN: 上海
Guangzhou|CN: Canton, 广州
Shenzhen|CN: 深圳
Nanjing|CN: Nanking
Tianjin|CN: Tientsin
Chongqing|CN: Chungking
Harbin|CN: Haerbin
Xiamen|CN: Amoy
Qingdao|CN: Tsingtao
Ürümqi|CN: Urumchi
Hong Kong|HK: HK, 香港
Macau|MO: Macao
Taipei|TW: Taibei, 台北
Tokyo|JP: Tōkyō, Tokio, 東京, Edo
Osaka|JP: Ōsaka, 大阪
Kyoto|JP: Kyōto, 京都
Kochi|JP: Kōchi
Honchō|JP: Funabashi
Seoul|KR: Soul, 서울
Busan|KR: Pusan
Incheon|KR: Inchon
Daegu|KR: Taegu
Daejeon|KR: Taejon
Gwangju|KR: Kwangju
Pyongyang|KP: Phyongyang
Ulan Bator|MN: Ulaanbaatar
Astana|KZ: Nur-Sultan, Nursultan, Akmola
Almaty|KZ: Alma-Ata
Ashgabat|TM: Ashkhabad
Tehran|IR: Teheran
Isfahan|IR: Esfahan
Mashhad|IR: Meshed
Baghdad|IQ: Bagdad
Basrah|IQ: Basra
Erbil|IQ: Arbil, Hewler
Damascus|SY: Dimashq
Aleppo|SY: Halab
Homs|SY: Hims
Beirut|LB: Beyrouth
Tel Aviv|IL: Tel Aviv-Yafo
Jerusalem|IL: Al-Quds, Yerushalayim
Mecca|SA: Makkah
Medina|SA: Madinah
Riyadh|SA: Ar-Riyad
Jeddah|SA: Jiddah, Jedda
Kuwait City|KW: Kuwait, Al Kuwayt
Muscat|OM: Masqat
Sanaa|YE: Sana'a
Ta‘izz|YE: Taiz
Al Ḩudaydah|YE: Hodeidah
Cairo|EG: Al Qahirah, Le Caire
Alexandria|EG: Al Iskandariyah
Giza|EG: Gizeh
Algiers|DZ: Alger
Fès|MA: Fez
Marrakesh|MA: Marrakech
Tangier|MA: Tanger, Tangiers
Sale|MA: Salé
Tripoli|LY: Tarabulus
Khartoum|SD: Al Khartum
Addis Ababa|ET: Addis Abeba
Mogadishu|SO: Muqdisho
Port Elizabeth|ZA: Gqeberha
Johannesburg|ZA: Joburg, Jozi
Cape Town|ZA: Kaapstad
Pretoria|ZA: Tshwane
Witbank|ZA: Emalahleni
Maputo|MZ: Lourenço Marques
Antananarivo|MG: Tananarive
Saint-Denis|RE: Saint-Denis de la Réunion
Male|MV: Malé
Colombo|LK: Kolamba
Vatican City|VA: Città del Vaticano
Luxembourg|LU: Luxembourg City, Luxemburg
Monaco|MC: Monte-Carlo
Saint Helier|JE: St Helier
Nuuk|GL: Godthåb
Reykjavík|IS: Reykjavik
Singapore|SG: Singapore City, Singapura
Nuku‘alofa|TO: Nukualofa
Hagåtña|GU: Agana
`

/** Cities that GeoNames lists under a name no longer theirs, or with more than a name. */
export const renamed = {
  'Washington, D.C.|US': 'Washington',
  'Nur-Sultan|KZ': 'Astana',
  'Palikir - National Government Center|FM': 'Palikir',
  'City of Balikpapan|ID': 'Balikpapan',
}
