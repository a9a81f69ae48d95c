import { contentsOf, type Element, elementsIn, expected } from './der.js'
import { objectIdText } from './object-id.js'

const [boolean, octetString, objectId, sequence] = [0x01, 0x04, 0x06, 0x30]

/** An extension of a certificate, a list or an entry of one (RFC 5280 section 4.1). */
export interface Extension {
  readonly id: string
  readonly critical: boolean
  /** The DER inside the OCTET STRING. */
  readonly value: Uint8Array
}

/** The extensions of a sequence, in order. Throws `RangeError` if it is not one. */
export function extensionsIn(all: Element | undefined): readonly Extension[] {
  return all ? [...elementsIn(expected(all, sequence))].map(extensionOf) : []
}

function extensionOf(element: Element): Extension {
  const [id, ...rest] = [...elementsIn(expected(element, sequence))]
  const critical = rest[0]?.tag === boolean ? rest.shift() : undefined
  const [value, ...more] = rest
  if (more.length > 0) throw new RangeError('not an extension')
  return {
    id: objectIdText(contentsOf(expected(id, objectId))),
    critical: critical !== undefined && contentsOf(critical)[0] !== 0,
    value: contentsOf(expected(value, octetString)),
  }
}
