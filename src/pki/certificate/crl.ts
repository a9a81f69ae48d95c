import { MtlsError } from '../../errors.js'
import { dayMs } from '../../text/duration.js'
import { type CrlFacts, crlReasons, type RevokedEntry, readCrls } from '../../x509/crl.js'
import { certificateParts } from '../../x509/der/certificate-parts.js'
import { encoded } from '../../x509/der/der.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireArguments, requireOptions } from '../require-options.js'
import { type Authority, backdated, isAuthority } from './certificate.js'
import { authorityKeyId, extension, integer, sequence, signatureAlgorithm, signed, time } from './encoding.js'
import { type RevocationReason, revocationReasons } from './revocation-reasons.js'
import { readSerial } from './serial.js'

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
  const added = [...revoked].map(
    ([serial, revocation]) => [readSerial(serial) ?? serial, revocation] as const,
  )
  const entries = new Map([...(previous?.revoked ?? []), ...added])
  const body = sequence(
    integer('01'), // version 2
    signatureAlgorithm(authority.keyObject),
    certificateParts(facts.x509.raw).subject,
    time(backdated(now)),
    time(new Date(now.getTime() + validityDays * dayMs)),
    // RFC 5280 section 5.1.2.6: when nothing is revoked, the list of entries is absent, not empty.
    // One argument, however many they are: more than a hundred thousand do not fit into a call.
    ...(entries.size > 0
      ? [sequence(Buffer.concat([...entries].map(([serial, revoked]) => entry(serial, revoked))))]
      : []),
    encoded(
      0xa0,
      sequence(
        ...(facts.subjectKeyId ? [authorityKeyId(facts.subjectKeyId)] : []),
        extension('2.5.29.20', integer(number(now, previous).toString(16))),
      ),
    ),
  )
  const der = signed(body, authority.keyObject)
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

function entry(serial: string, { at, reason }: RevokedEntry): Uint8Array {
  const code = crlReasons.indexOf(reason ?? 'unspecified')
  // RFC 5280 section 5.3.1: without a reason there is no entry for it.
  const extensions = code > 0 ? [sequence(extension('2.5.29.21', encoded(0x0a, Uint8Array.of(code))))] : []
  return sequence(integer(serial), time(at), ...extensions)
}
