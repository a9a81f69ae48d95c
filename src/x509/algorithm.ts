import { checkDer, contentsOf, type Element, elementAt, elementsIn, expected } from './der/der.js'
import { objectIdText } from './der/object-id.js'

const hashes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'md2',
  '1.2.840.113549.1.1.4': 'md5',
  '1.2.840.113549.1.1.5': 'sha1',
  '1.3.14.3.2.29': 'sha1',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.10040.4.3': 'sha1',
  '1.3.14.3.2.26': 'sha1',
  '1.3.101.112': 'built-in',
  '1.3.101.113': 'built-in',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const rsassaPss = '1.2.840.113549.1.1.10'

const strong = new Set<string | undefined>(['sha224', 'sha256', 'sha384', 'sha512', 'built-in'])

/** Whether a signature over this hash is still secure: an allow-list, so that unknown hashes are refused. */
export function isStrongHash(hash: string | undefined): boolean {
  return strong.has(hash)
}

/** How something was signed (RFC 5280 section 4.1.1.2). */
export interface SignatureAlgorithm {
  /** `built-in` for Ed25519 and Ed448, undefined for unknown algorithms. */
  readonly hash: string | undefined
  readonly isPss: boolean
}

const [integer, none, objectId, sequence] = [0x02, 0x05, 0x06, 0x30]

/** Reads an algorithm identifier. Throws `RangeError` if it is not one, or not in DER. */
export function readSignatureAlgorithm(der: Uint8Array): SignatureAlgorithm {
  checkDer(der)
  const { id, parameters } = identifierIn(elementAt(der, 0))
  if (id !== rsassaPss) return { hash: hashNamed(id), isPss: false }
  // RFC 4055 section 3.1: SHA-1 is the default when the parameters are absent.
  return { hash: parameters && parameters.tag !== none ? pssHash(parameters) : 'sha1', isPss: true }
}

function identifierIn(element: Element): { readonly id: string; readonly parameters: Element | undefined } {
  const [id, parameters, ...more] = [...elementsIn(expected(element, sequence))]
  if (more.length > 0) throw new RangeError('not an algorithm')
  return { id: objectIdText(contentsOf(expected(id, objectId))), parameters }
}

/** Of the parameters: hash, mask, salt and trailer, in that order, each in a tag of its own and each of them optional. */
function pssHash(parameters: Element): string | undefined {
  let hash: string | undefined = 'sha1'
  let before = 0x9f
  for (const wrapper of elementsIn(expected(parameters, sequence))) {
    const [value, ...more] = [...elementsIn(wrapper)]
    if (wrapper.tag <= before || wrapper.tag > 0xa3 || more.length > 0)
      throw new RangeError('not the parameters of RSASSA-PSS')
    before = wrapper.tag
    if (wrapper.tag >= 0xa2) expected(value, integer)
    else {
      const { id } = identifierIn(expected(value))
      if (wrapper.tag === 0xa0) hash = hashNamed(id)
    }
  }
  return hash
}

function hashNamed(id: string): string | undefined {
  return Object.hasOwn(hashes, id) ? hashes[id] : undefined
}
