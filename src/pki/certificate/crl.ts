import { type KeyObject, sign } from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AuthorityKeyIdentifier,
  Certificate,
  CRLReasons,
  Extension,
  id_ce_authorityKeyIdentifier,
  id_ce_cRLNumber,
  KeyIdentifier,
} from '@peculiar/asn1-x509'
import { MtlsError } from '../../errors.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { encoded } from '../../x509/der/der.js'
import { readPrivateKey } from '../../x509/private-key.js'
import { type Authority, backdated, wholeSecond } from './authority.js'
import type { RevocationReason } from './revocation-reasons.js'

export interface Revocation {
  readonly at: Date
  readonly reason: RevocationReason
}

export interface CrlOptions {
  readonly now?: Date
  /** The list that this one follows: its entries stay in, its number is exceeded. */
  readonly previous?: CrlFacts | undefined
  /** Until the next list: 30 by default. */
  readonly validityDays?: number
}

const day = 86_400_000

/**
 * A revocation list, signed by `authority`, over serial numbers in hex. Throws `CERT_INVALID` when its
 * certificate does not allow it to sign one.
 */
export function createCrl(
  authority: Authority,
  revoked: ReadonlyMap<string, Revocation>,
  { now = new Date(), previous, validityDays = 30 }: CrlOptions = {},
): CrlFacts {
  const { facts } = authority
  if (facts.keyUsage?.includes('cRLSign') === false)
    throw new MtlsError('CERT_INVALID', `the CA ${facts.subject} may not sign revocation lists`, {
      hint: 'Its key usage needs cRLSign. `mcp-mtls cert-rotate-ca` changes to a CA that has it.',
    })
  const key = readPrivateKey(authority.privateKey, 'key of the CA')
  const { algorithm, hash } = signatureOf(key)
  const entries = new Map([...(previous?.revoked ?? []), ...revoked])
  const issuer = AsnConvert.serialize(AsnConvert.parse(facts.x509.raw, Certificate).tbsCertificate.subject)
  const extensions = [
    ...(facts.subjectKeyId ? [authorityKeyId(facts.subjectKeyId)] : []),
    new Extension({ extnID: id_ce_cRLNumber, extnValue: new OctetString(integer(number(now, previous))) }),
  ]
  const algorithmDer = bytesOf(algorithm)
  const body = encoded(
    sequence,
    encoded(0x02, Uint8Array.of(1)), // version 2
    algorithmDer,
    new Uint8Array(issuer),
    time(now.getTime() - backdated),
    time(now.getTime() + validityDays * day),
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
  const signature = sign(hash, body, key)
  const der = encoded(sequence, body, algorithmDer, encoded(0x03, Uint8Array.of(0), signature))
  const [made] = readCrls(der, 'revocation list')
  if (!made) throw new TypeError('no list in the list')
  return made
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
    time(at.getTime()),
    // RFC 5280 section 5.3.1: without a reason there is no entry for it.
    ...(code ? [encoded(sequence, reasonExtension(code))] : []),
  )
}

const reasonExtension = (code: CRLReasons): Uint8Array =>
  encoded(sequence, reasonOid, encoded(0x04, encoded(0x0a, Uint8Array.of(code))))
const reasonOid = Uint8Array.of(0x06, 3, 0x55, 0x1d, 0x15) // 2.5.29.21

/** RFC 5280 section 4.1.2.5: two digits of the year until 2049, four from then on. */
function time(at: number): Uint8Array {
  const digits = wholeSecond(at)
    .toISOString()
    .replace(/[-:T]|\.\d+/g, '')
  return at < Date.UTC(2050, 0)
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

const curves: Readonly<Record<string, readonly [oid: string, hash: string]>> = {
  prime256v1: ['1.2.840.10045.4.3.2', 'sha256'],
  secp384r1: ['1.2.840.10045.4.3.3', 'sha384'],
  secp521r1: ['1.2.840.10045.4.3.4', 'sha512'],
}

function signatureOf(key: KeyObject): { algorithm: AlgorithmIdentifier; hash: string | null } {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return {
        algorithm: new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: null }),
        hash: 'sha256',
      }
    case 'ed25519':
      return { algorithm: new AlgorithmIdentifier({ algorithm: '1.3.101.112' }), hash: null }
    case 'ec': {
      const [algorithm, hash] = curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? []
      if (algorithm && hash) return { algorithm: new AlgorithmIdentifier({ algorithm }), hash }
    }
  }
  throw new MtlsError('CERT_INVALID', `a CA key of type ${key.asymmetricKeyType} cannot sign here`, {
    hint: 'Use a CA with an RSA, Ed25519, P-256, P-384 or P-521 key.',
  })
}
