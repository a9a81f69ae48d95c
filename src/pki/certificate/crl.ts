import { sign } from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AuthorityKeyIdentifier,
  CRLReasons,
  Extension,
  id_ce_authorityKeyIdentifier,
  id_ce_cRLNumber,
  KeyIdentifier,
} from '@peculiar/asn1-x509'
import { MtlsError } from '../../errors.js'
import { dayMs } from '../../text/duration.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { certificateParts } from '../../x509/der/certificate-parts.js'
import { encoded } from '../../x509/der/der.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireArguments, requireOptions } from '../require-options.js'
import { type Authority, backdated, isAuthority } from './certificate.js'
import { type RevocationReason, revocationReasons } from './revocation-reasons.js'
import { readSerial } from './serial.js'
import { signatureScheme } from './signature.js'

/** When and why a certificate was revoked. */
export interface Revocation {
  readonly at: Date
  readonly reason: RevocationReason
}

export interface CrlOptions {
  /** When it is signed; the clock of this machine by default. */
  readonly now?: Date | undefined
  /** The list that this one follows: its entries stay in, its number is exceeded; none by default. */
  readonly previous?: CrlFacts | undefined
  /** Days until the next list, more than 0 and at most 36500; 30 by default. */
  readonly validityDays?: number | undefined
}

const crlKinds = {
  now: kind.moment,
  previous: kind.crl,
  // A list may outlast certificates, but not the years that four digits can write.
  validityDays: kind.days(36_500),
} satisfies OptionKinds<CrlOptions>

/**
 * A revocation list, signed by `authority`, over serial numbers in hex (`abcd` or `AB:CD`). Throws `CONFIG_INVALID` for what
 * it is not made of, `CERT_INVALID` when the certificate of the CA does not allow it to sign one.
 */
export function createCrl(
  authority: Authority,
  revoked: ReadonlyMap<string, Revocation>,
  options: CrlOptions = {},
): CrlFacts {
  const call = "createCrl(authority, new Map([[serial, { at: new Date(), reason: 'superseded' }]]))"
  const fine = isAuthority(authority) && revoked instanceof Map && [...revoked].every(isRevocation)
  requireArguments(fine, 'a CA and a map of revocations', call)
  requireOptions(options, crlKinds, call)
  const { now = new Date(), previous, validityDays = 30 } = options
  const { facts } = authority
  if (facts.keyUsage?.includes('cRLSign') === false)
    throw new MtlsError('CERT_INVALID', `the CA ${facts.subject} may not sign revocation lists`, {
      hint: 'Its key usage needs cRLSign. `mcp-mtls cert-rotate-ca` changes to a CA that has it.',
    })
  const { objectId, hash } = signatureScheme(authority.keyObject)
  const added = [...revoked].map(
    ([serial, revocation]) => [readSerial(serial) ?? serial, revocation] as const,
  )
  const entries = new Map([...(previous?.revoked ?? []), ...added])
  const extensions = [
    ...(facts.subjectKeyId ? [authorityKeyId(facts.subjectKeyId)] : []),
    new Extension({ extnID: id_ce_cRLNumber, extnValue: new OctetString(integer(number(now, previous))) }),
  ]
  // RFC 4055 section 5: the parameters of RSA are NULL; others have none.
  const isRsa = authority.keyObject.asymmetricKeyType === 'rsa'
  const algorithmDer = bytesOf(
    new AlgorithmIdentifier({ algorithm: objectId, ...(isRsa && { parameters: null }) }),
  )
  const body = encoded(
    sequence,
    encoded(0x02, Uint8Array.of(1)), // version 2
    algorithmDer,
    certificateParts(facts.x509.raw).subject,
    time(backdated(now)),
    time(new Date(now.getTime() + validityDays * dayMs)),
    // RFC 5280 section 5.1.2.6: when nothing is revoked, the list of entries is absent, not empty.
    ...(entries.size > 0
      ? [
          encoded(
            sequence,
            Buffer.concat([...entries].map(([serial, { at, reason }]) => entry(serial, at, reason))),
          ),
        ]
      : []),
    encoded(0xa0, encoded(sequence, ...extensions.map(bytesOf))),
  )
  const signature = sign(hash, body, authority.keyObject)
  const der = encoded(sequence, body, algorithmDer, encoded(0x03, Uint8Array.of(0), signature))
  const [made] = readCrls(der, 'revocation list')
  if (!made) throw new TypeError('no list in the list')
  return made
}

function isRevocation([serial, revocation]: readonly [unknown, unknown]): boolean {
  const { at, reason } = (revocation ?? {}) as Partial<Revocation>
  const isReason = revocationReasons.some((one) => one === reason)
  return typeof serial === 'string' && readSerial(serial) !== undefined && kind.moment.fits(at) && isReason
}

/** Seconds since 1970, so that numbers go up even when the list before was lost. */
function number(now: Date, previous: CrlFacts | undefined): bigint {
  const seconds = BigInt(Math.floor(now.getTime() / 1000))
  const next = (previous?.number ?? 0n) + 1n
  return next > seconds ? next : seconds
}

function entry(serial: string, at: Date, reason: string | undefined): Uint8Array {
  const code = CRLReasons[(reason ?? 'unspecified') as RevocationReason]
  return encoded(
    sequence,
    encoded(0x02, positive(serial)),
    time(at),
    // RFC 5280 section 5.3.1: without a reason there is no entry for it.
    ...(code ? [encoded(sequence, reasonExtension(code))] : []),
  )
}

const reasonExtension = (code: CRLReasons): Uint8Array =>
  encoded(sequence, reasonOid, encoded(0x04, encoded(0x0a, Uint8Array.of(code))))
const reasonOid = Uint8Array.of(0x06, 3, 0x55, 0x1d, 0x15) // 2.5.29.21

/** RFC 5280 section 4.1.2.5: two digits of the year until 2049, four from then on. */
function time(at: Date): Uint8Array {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '')
  return at.getTime() < Date.UTC(2050, 0)
    ? encoded(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : encoded(0x18, Buffer.from(digits, 'latin1'))
}

const bytesOf = (value: object): Uint8Array => new Uint8Array(AsnConvert.serialize(value))
const sequence = 0x30

function authorityKeyId(subjectKeyId: string): Extension {
  const keyIdentifier = new KeyIdentifier(arrayBuffer(Buffer.from(subjectKeyId, 'hex')))
  return new Extension({
    extnID: id_ce_authorityKeyIdentifier,
    extnValue: new OctetString(AsnConvert.serialize(new AuthorityKeyIdentifier({ keyIdentifier }))),
  })
}

/** The DER of an INTEGER; RFC 5280 section 5.2.3 allows 20 bytes, so its length is one byte. */
function integer(value: bigint): Buffer {
  const bytes = positive(value.toString(16))
  return Buffer.concat([Buffer.from([2, bytes.length]), bytes])
}

/** The content of a DER INTEGER that is not negative: a leading zero byte where the first bit is set. */
function positive(hex: string): Buffer {
  const even = hex.padStart(hex.length + (hex.length % 2), '0')
  return Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex')
}

function arrayBuffer(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer
}
