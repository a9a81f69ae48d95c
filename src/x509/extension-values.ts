import { contentsOf, type Element, elementAt, elementsIn, expected, implicitly } from './der/der.js'
import { generalNameText } from './general-name.js'
import { relativeName } from './name.js'

// What stands in the extensions of certificates and lists (RFC 5280 sections 4.2 and 5.2). Each reader takes DER that `checkDer`
// has seen, and throws `RangeError` for another value than the one it reads.

const [boolean, integer, bitString, octetString] = [0x01, 0x02, 0x03, 0x04]
const [sequence, set] = [0x30, 0x31]
const [tag0, tag1, tag2] = [0x80, 0x81, 0x82]
const [constructed0, constructed1, constructed2] = [0xa0, 0xa1, 0xa2]

export interface BasicConstraints {
  readonly isCa: boolean
  readonly pathLength: number | undefined
}

export function readBasicConstraints(der: Uint8Array): BasicConstraints {
  const parts = partsOf(elementAt(der, 0))
  const isCa = isTrue(parts.next(boolean))
  const limit = parts.next(integer)
  parts.end()
  if (!limit) return { isCa, pathLength: undefined }
  const digits = Buffer.from(contentsOf(limit))
  if ((digits[0] ?? 0) >= 0x80) throw new RangeError('less than no CA')
  return { isCa, pathLength: Number(`0x${digits.toString('hex')}`) }
}

/** In the order of their names, with the number of their bit. */
const usages = [
  ['cRLSign', 6],
  ['dataEncipherment', 3],
  ['decipherOnly', 8],
  ['digitalSignature', 0],
  ['encipherOnly', 7],
  ['keyAgreement', 4],
  ['keyCertSign', 5],
  ['keyEncipherment', 2],
  ['nonRepudiation', 1],
] as const

export function readKeyUsage(der: Uint8Array): string[] {
  const bits = bitsIn(der)
  return usages.filter(([, at]) => (bits[at >> 3] ?? 0) & (0x80 >> (at & 7))).map(([name]) => name)
}

/** The bytes of a BIT STRING. */
export function bitsIn(der: Uint8Array): Uint8Array {
  return contentsOf(expected(elementAt(der, 0), bitString)).subarray(1)
}

/** Hex. */
export function readKeyId(der: Uint8Array): string {
  return hex(expected(elementAt(der, 0), octetString))
}

/** Hex; undefined when it names the issuer in another way. */
export function readAuthorityKeyId(der: Uint8Array): string | undefined {
  const parts = partsOf(elementAt(der, 0))
  const keyId = parts.next(tag0)
  for (const name of elementsOf(parts.next(constructed1))) generalNameText(name)
  const serial = parts.next(tag2)
  if (serial) implicitly(serial, integer)
  parts.end()
  return keyId && hex(keyId)
}

/** The names of all distribution points of a certificate, in order. */
export function readDistributionPoints(der: Uint8Array): string[] {
  return [...elementsIn(expected(elementAt(der, 0), sequence))].flatMap((point) => {
    const parts = partsOf(point)
    const names = pointNames(parts.next(constructed0))
    const reasons = parts.next(tag1)
    if (reasons) implicitly(reasons, bitString)
    for (const name of elementsOf(parts.next(constructed2))) generalNameText(name)
    parts.end()
    return names ?? []
  })
}

export interface IssuingDistributionPoint {
  /** Full names; undefined when there are none. */
  readonly names: readonly string[] | undefined
  /** It is about one distribution point, whose full name it does not say. */
  readonly isUnnamed: boolean
  readonly onlyUsers: boolean
  readonly onlyCas: boolean
  readonly onlySomeReasons: boolean
  readonly isIndirect: boolean
  readonly onlyAttributes: boolean
}

export function readIssuingDistributionPoint(der: Uint8Array): IssuingDistributionPoint {
  const parts = partsOf(elementAt(der, 0))
  const point = parts.next(constructed0)
  const flag = (tag: number) => {
    const found = parts.next(tag)
    return found !== undefined && isTrue(implicitly(found, boolean))
  }
  const names = pointNames(point)
  const [onlyUsers, onlyCas] = [flag(tag1), flag(tag2)]
  const reasons = parts.next(0x83)
  if (reasons) implicitly(reasons, bitString)
  const [isIndirect, onlyAttributes] = [flag(0x84), flag(0x85)]
  parts.end()
  return {
    names,
    isUnnamed: point !== undefined && names === undefined,
    onlyUsers,
    onlyCas,
    onlySomeReasons: reasons !== undefined,
    isIndirect,
    onlyAttributes,
  }
}

/** The full names of one distribution point; undefined when it has none, or one that is given relative to the issuer. */
function pointNames(wrapper: Element | undefined): readonly string[] | undefined {
  if (!wrapper) return undefined
  const [name, ...more] = [...elementsIn(wrapper)]
  if (more.length > 0) throw new RangeError('more than one name of a distribution point')
  if (name?.tag === constructed0) {
    const names = [...elementsIn(name)].map(generalNameText)
    return names.length > 0 ? names : undefined
  }
  relativeName({ ...expected(name, constructed1), tag: set })
  return undefined
}

/** The parts of a sequence, each taken by its tag where it stands; `end` throws when something is left. */
function partsOf(whole: Element) {
  const parts = [...elementsIn(expected(whole, sequence))]
  return {
    next: (tag: number): Element | undefined => (parts[0]?.tag === tag ? parts.shift() : undefined),
    end: (): void => {
      if (parts.length > 0) throw new RangeError('more than an extension of this kind has')
    },
  }
}

function elementsOf(list: Element | undefined): Iterable<Element> {
  return list ? elementsIn(list) : []
}

function isTrue(value: Element | undefined): boolean {
  return value !== undefined && contentsOf(value)[0] !== 0
}

function hex(value: Element): string {
  return Buffer.from(contentsOf(value)).toString('hex')
}
