import { constants, verify } from 'node:crypto'
import { MtlsError } from '../errors.js'
import { isStrongHash, readSignatureAlgorithm, type SignatureAlgorithm } from './algorithm.js'
import { type CertificateFacts, serialText } from './certificate.js'
import { type CrlScope, everything, scopeOf } from './crl-scope.js'
import { only } from './der/certificate-parts.js'
import { checkDer, contentsOf, type Element, elementAt, elementsIn, encodingOf, expected } from './der/der.js'
import { type Extension, extensionsIn } from './der/extension.js'
import { isSameName, nameText, rdnsOf, readName } from './name.js'
import { otherFormat } from './other-format.js'
import { readTime, timeTags } from './time.js'

export interface RevokedEntry {
  readonly at: Date
  readonly reason: string | undefined
}

/** Revoked serial numbers (lower-case hex) with date and reason, which are decoded on demand. */
export type RevokedCertificates = Iterable<readonly [serial: string, RevokedEntry]> &
  Pick<ReadonlyMap<string, RevokedEntry>, 'size' | 'has' | 'get' | 'keys'>

/** The contents of a certificate revocation list (RFC 5280 section 5); `isSignedBy` checks its signature. */
export interface CrlFacts {
  readonly issuer: string
  readonly thisUpdate: Date
  /** RFC 5280 demands it; a list without one is refused when read. */
  readonly nextUpdate: Date
  /** RFC 5280 section 5.2.3: each list of a CA has a higher number than those before; undefined when absent. */
  readonly number: bigint | undefined
  /** Which certificates of its issuer it covers. */
  readonly scope: CrlScope
  readonly revoked: RevokedCertificates
  readonly pem: string
  /** Whether it names this subject as its issuer. */
  isNamedAfter(issuer: CertificateFacts): boolean
  isSignedBy(issuer: CertificateFacts): boolean
}

const crlNumberId = '2.5.29.20'
const crlReason = '2.5.29.21'
const deltaCrlIndicator = '2.5.29.27'
const issuingDistributionPoint = '2.5.29.28'
const certificateIssuer = '2.5.29.29'

/** By their code (RFC 5280 section 5.3.1). */
export const crlReasons: readonly (string | undefined)[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
]

const crlBlock = /-----BEGIN (?:X509 )?CRL-----([^-]*)-----END (?:X509 )?CRL-----/g

/**
 * All revocation lists of a file, PEM or one list in DER; a string holds one byte per character. Throws `CERT_INVALID`
 * naming `where` when there is none, or one cannot be used.
 */
export function readCrls(content: string | Uint8Array, where: string): readonly CrlFacts[] {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content
  if (bytes[0] === sequence && (bytes[1] ?? 0) >= 0x80) return [readOne(bytes, where)]
  const text = typeof content === 'string' ? content : Buffer.from(content).toString('latin1')
  const blocks = [...text.matchAll(crlBlock)]
  const begun = text.match(/-----BEGIN (?:X509 )?CRL-----/g)?.length ?? 0
  try {
    if (blocks.length === 0 || blocks.length !== begun) {
      const what = begun === 0 ? 'no revocation list in it' : 'a revocation list in it is cut off'
      throw new MtlsError('CERT_INVALID', `${where}: ${what}`)
    }
    return blocks.map(([, base64 = '']) => readOne(Buffer.from(base64, 'base64'), where))
  } catch (error) {
    // `otherFormat` recognizes PEM by its labels; a fault of the list itself takes precedence.
    const other = isUnsupported(error) ? undefined : otherFormat(text)
    if (!other) throw error
    throw new MtlsError('CERT_INVALID', `${where}: it is ${other.what}`, { hint: other.hint, cause: error })
  }
}

function isUnsupported(error: unknown): boolean {
  return error instanceof MtlsError && error.cause instanceof Unsupported
}

function readOne(der: Uint8Array, where: string): CrlFacts {
  try {
    return readCrl(der)
  } catch (cause) {
    const what = cause instanceof Unsupported ? cause.message : 'not a readable revocation list'
    throw new MtlsError('CERT_INVALID', `${where}: ${what}`, { cause })
  }
}

/** A valid list that would admit revoked peers if it were read as a plain one. */
class Unsupported extends RangeError {}

const [integerTag, bitString, enumerated, sequence] = [0x02, 0x03, 0x0a, 0x30]
const explicit0 = 0xa0

// RFC 5280 section 5.1.
function readCrl(der: Uint8Array): CrlFacts {
  const list = expected(elementAt(der, 0), sequence)
  if (list.end !== der.length) throw new RangeError('something stands after the list')
  const [body, algorithm, signature, ...more] = [...elementsIn(list)]
  const parts = [...elementsIn(expected(body, sequence))]
  const version = parts[0]?.tag === integerTag ? parts.shift() : undefined
  const [innerAlgorithm, issuer, thisUpdate] = parts.splice(0, 3)
  const nextUpdate = isTime(parts[0]) ? parts.shift() : undefined
  const entries = parts[0]?.tag === sequence ? parts.shift() : undefined
  const wrapper = parts[0]?.tag === explicit0 ? parts.shift() : undefined
  const extensions = extensionsIn(wrapper && only(wrapper))
  if (parts.length + more.length > 0 || !body || !algorithm || !innerAlgorithm || !issuer)
    throw new RangeError('not the parts of a list')
  if (version && contentsOf(version).join() !== '1') throw new RangeError('not version 2')
  if (Buffer.compare(encodingOf(algorithm), encodingOf(innerAlgorithm)) !== 0)
    throw new Unsupported('the revocation list names two different signature algorithms')
  requireKnown(extensions, listExtensions)
  if (!nextUpdate)
    throw new Unsupported('the revocation list does not say when the next one comes (nextUpdate)')

  const point = extensions.find(({ id }) => id === issuingDistributionPoint)
  const name = readName(encodingOf(issuer))
  const issuerRdns = rdnsOf(name)
  const signed = {
    body: encodingOf(body),
    algorithm: readSignatureAlgorithm(encodingOf(algorithm)),
    signature: contentsOf(expected(signature, bitString)).subarray(1),
  }
  return Object.freeze({
    issuer: nameText(name),
    thisUpdate: new Date(readTime(expected(thisUpdate))),
    nextUpdate: new Date(readTime(nextUpdate)),
    number: crlNumber(extensions),
    scope: point ? scopeIn(point.value) : everything,
    revoked: revokedIn(entries),
    get pem() {
      const lines =
        Buffer.from(der)
          .toString('base64')
          .match(/.{1,64}/g) ?? []
      return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`
    },
    isNamedAfter: ({ subjectRdns }: CertificateFacts) => isSameName(issuerRdns, subjectRdns),
    isSignedBy: (candidate: CertificateFacts) =>
      isSameName(issuerRdns, candidate.subjectRdns) && isSignedBy(signed, candidate),
  })
}

function isTime(element: Element | undefined): boolean {
  return element !== undefined && timeTags.includes(element.tag)
}

const words: Readonly<Record<string, string>> = {
  [deltaCrlIndicator]: 'it is a delta list, with the changes since another one alone; use the complete list',
  [certificateIssuer]: 'it is an indirect list, with certificates of other issuers',
}
const listExtensions: ReadonlySet<string> = new Set([issuingDistributionPoint])
const entryExtensions: ReadonlySet<string> = new Set()

/** An unknown critical extension means that this is not a plain list (RFC 5280 sections 5.2, 5.3). */
function requireKnown(extensions: readonly Extension[], known: ReadonlySet<string>): void {
  for (const { id, critical } of extensions) {
    const why = words[id]
    if (why) throw new Unsupported(`the revocation list is not supported: ${why}`)
    if (critical && !known.has(id))
      throw new Unsupported(`the revocation list has a critical extension that is not supported (${id})`)
  }
}

function scopeIn(der: Uint8Array): CrlScope {
  const { scope, unsupported } = scopeOf(der)
  if (unsupported) throw new Unsupported(`the revocation list is not supported: ${unsupported}`)
  return scope
}

/** Up to 20 bytes long, more than a number holds: the DER of the INTEGER is read here. */
function crlNumber(extensions: readonly Extension[]): bigint | undefined {
  const value = contentsIn(extensions, crlNumberId, integerTag)
  return value && BigInt(`0x${Buffer.from(value).toString('hex')}`)
}

/** The contents of the value that an extension holds; undefined when it is absent. */
function contentsIn(extensions: readonly Extension[], wanted: string, tag: number): Uint8Array | undefined {
  const found = extensions.find(({ id }) => id === wanted)
  if (found) checkDer(found.value)
  return found && contentsOf(expected(elementAt(found.value, 0), tag))
}

function revokedIn(entries: Element | undefined): RevokedCertificates {
  // Stores the offset of each entry in the DER: dates and reasons of a hundred thousand would be most of the memory.
  const positions = new Map<string, number>()
  for (const element of entries ? elementsIn(entries) : [])
    positions.set(readEntry(element).serial, element.start)
  const read = (start: number): RevokedEntry => {
    const { at, reason } = readEntry(elementAt(entries?.bytes ?? new Uint8Array(), start))
    return { at: new Date(at), reason }
  }
  return {
    size: positions.size,
    has: (serial) => positions.has(serial),
    get: (serial) => {
      const start = positions.get(serial)
      return start === undefined ? undefined : read(start)
    },
    keys: () => positions.keys(),
    *[Symbol.iterator]() {
      for (const [serial, start] of positions) yield [serial, read(start)] as const
    },
  }
}

function readEntry(entry: Element) {
  const serial = expected(elementAt(entry.bytes, expected(entry, sequence).contents, entry.end), integerTag)
  const at = elementAt(entry.bytes, serial.end, entry.end)
  const after = at.end < entry.end ? elementAt(entry.bytes, at.end, entry.end) : undefined
  if (after && after.end < entry.end) throw new RangeError('something follows the extensions of an entry')
  const extensions = extensionsIn(after)
  requireKnown(extensions, entryExtensions)
  return { serial: serialText(contentsOf(serial)), at: readTime(at), reason: reasonIn(extensions) }
}

function reasonIn(extensions: readonly Extension[]): string | undefined {
  const value = contentsIn(extensions, crlReason, enumerated)
  return value && crlReasons[value[0] ?? 0]
}

interface Signed {
  readonly body: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly signature: Uint8Array
}

function isSignedBy({ body, algorithm, signature }: Signed, issuer: CertificateFacts): boolean {
  if (issuer.keyUsage && !issuer.keyUsage.includes('cRLSign')) return false
  const { hash, isPss } = algorithm
  if (!isStrongHash(hash)) return false
  const key = issuer.x509.publicKey
  try {
    return verify(
      hash === 'built-in' ? null : hash,
      body,
      isPss
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
        : key,
      signature,
    )
  } catch {
    return false // an algorithm that does not fit the key
  }
}
