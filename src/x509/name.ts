import type { Name } from '@peculiar/asn1-x509'

const shortNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}

/**
 * A distinguished name on one line, last RDN first (RFC 4514). Control characters are written as
 * hex pairs, so that a name from a stranger's certificate cannot break a log line or a terminal.
 */
export function nameText(name: Name): string {
  return [...name]
    .reverse()
    .map((rdn) =>
      [...rdn]
        .map(({ type, value }) => `${shortNames[type] ?? type}=${escapeValue(value.toString())}`)
        .join('+'),
    )
    .join(',')
}

function escapeValue(value: string): string {
  return value
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/^[ #]| $/g, '\\$&')
    .replace(/\p{C}+/gu, (characters) => Buffer.from(characters).toString('hex').replace(/../g, '\\$&'))
}

/**
 * The relative names of a distinguished name, least specific first, as text that is the same for equal names: case and
 * spaces are ignored (RFC 5280 section 7.1).
 */
export function rdnsOf(name: Name): string[] {
  return [...name].map((rdn) =>
    [...rdn]
      .map(
        ({ type, value }) =>
          `${type}=${value.toString().normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()}`,
      )
      .sort()
      .join('+'),
  )
}

/** Whether two names, as `rdnsOf` gives them, are the same. */
export function isSameName(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((rdn, at) => rdn === other[at])
}

/** The values of one attribute, in order. */
export function valuesOf(name: Name, type: string): string[] {
  const values = [...name].flatMap((rdn) => [...rdn]).filter((attribute) => attribute.type === type)
  return values.map(({ value }) => value.toString())
}
