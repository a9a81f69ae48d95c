import { isUtf8 } from 'node:buffer'
import { checkDer, contentsOf, type Element, elementAt, elementsIn, encodingOf, expected } from './der/der.js'
import { objectIdText } from './der/object-id.js'

/** One part of a name: the dotted number of its type, and its text. */
export interface Attribute {
  readonly type: string
  /** Hex of the whole encoding where the value is not of a type for text. */
  readonly text: string
  readonly isText: boolean
}

/** Relative names, least specific first, each of one attribute or more (RFC 5280 section 4.1.2.4). */
export type Name = readonly (readonly Attribute[])[]

const [none, objectId, sequence, set] = [0x05, 0x06, 0x30, 0x31]
const [utf8String, printableString, teletexString] = [0x0c, 0x13, 0x14]
const [ia5String, universalString, bmpString] = [0x16, 0x1c, 0x1e]
const [numericString, visibleString] = [0x12, 0x1a]
/** Bytes. Nobody's name is that long, and a stranger's is read before the peer is known. */
const longestName = 20_000

/** Reads a distinguished name. Throws `RangeError` if it is not one, or not in DER. */
export function readName(der: Uint8Array): Name {
  if (der.length > longestName) throw new RangeError('a name that is too long')
  checkDer(der)
  return [...elementsIn(expected(elementAt(der, 0), sequence))].map(relativeName)
}

/** Reads the set of attributes that is one relative name. Throws `RangeError`. */
export function relativeName(rdn: Element): readonly Attribute[] {
  return [...elementsIn(expected(rdn, set))].map((attribute) => {
    const [type, value, ...more] = [...elementsIn(expected(attribute, sequence))]
    if (more.length > 0) throw new RangeError('not an attribute')
    const text = textOf(expected(value))
    return {
      type: objectIdText(contentsOf(expected(type, objectId))),
      text: text ?? Buffer.from(encodingOf(expected(value))).toString('hex'),
      isText: text !== undefined,
    }
  })
}

/** Undefined for a type that is not for text. Throws `RangeError` for what its type does not allow. */
function textOf(value: Element): string | undefined {
  const contents = Buffer.from(contentsOf(value)) // a copy: its bytes may be swapped
  switch (value.tag) {
    case utf8String:
      if (!isUtf8(contents)) throw new RangeError('a text that is not UTF-8')
      return contents.toString('utf8')
    case printableString:
    case teletexString: // which everybody uses for Latin-1
    case ia5String:
    case numericString:
    case visibleString:
      return contents.toString('latin1')
    case bmpString:
      return contents.swap16().toString('utf16le') // throws for half a character
    case universalString:
      if (contents.length % 4 !== 0) throw new RangeError('a text that is cut off')
      return String.fromCodePoint(
        ...Array.from({ length: contents.length / 4 }, (_, at) => contents.readUInt32BE(4 * at)),
      )
    case none:
      throw new RangeError('no text')
    default:
      return undefined
  }
}

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
      [...rdn].map(({ type, text }) => `${shortNames[type] ?? type}=${escapeValue(text)}`).join('+'),
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
 * The relative names of a distinguished name, least specific first, as text that is the same for equal names and for no others:
 * case and spaces are ignored (RFC 5280 section 7.1).
 */
export function rdnsOf(name: Name): string[] {
  return [...name].map((rdn) =>
    [...rdn]
      .map(({ type, text, isText }) => {
        const same = text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
        return `${type}${isText ? '=' : '#'}${JSON.stringify(same)}`
      })
      .sort()
      .join('+'),
  )
}

/** Whether two names, as `rdnsOf` gives them, are the same. */
export function isSameName(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((rdn, at) => rdn === other[at])
}

/** The values of one attribute that are texts, in order. */
export function valuesOf(name: Name, type: string): string[] {
  return name
    .flat()
    .filter(({ type: its, isText }) => its === type && isText)
    .map(({ text }) => text)
}
