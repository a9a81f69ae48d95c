import { MtlsError } from '../../errors.js'
import { type CertificateFacts, serialText } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import type { Authority } from '../certificate/authority.js'
import type { Revocation } from '../certificate/crl.js'
import { type RevocationReason, revocationReasons } from '../certificate/revocation-reasons.js'
import { inspect } from '../check/inspect.js'
import { currentLists } from './current-lists.js'
import {
  type CaOptions,
  isIssuedBy,
  listsOf,
  preparePublication,
  type Registry,
  withRegistry,
} from './registry.js'
import { listsPem } from './trust-changes.js'

export interface RevokeOptions extends CaOptions {
  /** The file of the certificate, or its serial number in hex. */
  readonly certificate: string
  readonly reason?: RevocationReason | undefined
  /** A serial number that is not in the index too: a CA of another maker has none. */
  readonly force?: boolean | undefined
  readonly now?: Date
}

export interface Revoked extends Revocation {
  readonly serial: string
  /** Undefined for a serial number that is not in the index. */
  readonly certificate: CertificateFacts | undefined
  /** It was revoked before: date and reason are those of then. */
  readonly already: boolean
  /** The list it stands in. */
  readonly list: CrlFacts
  /** Where the list lies. */
  readonly paths: readonly string[]
}

/**
 * Revokes a certificate and publishes a revocation list, `ca.crl`, in both directories. A file proves by its signature
 * that the CA issued it; a serial number must be in the index. Throws `CONFIG_INVALID`, `CERT_NOT_FOUND`,
 * `CERT_INVALID`, what `openRegistry` throws, and `CERT_WRITE_FAILED`, after which nothing is revoked.
 */
export async function revokeCertificate(options: RevokeOptions): Promise<Revoked> {
  const { now = new Date(), reason = 'unspecified' } = options
  if (!revocationReasons.includes(reason))
    throw new MtlsError(
      'CONFIG_INVALID',
      `reason: ${JSON.stringify(reason)}: allowed are ${revocationReasons.join(', ')}`,
    )
  return withRegistry(options, async (registry) => {
    const { index, revocations } = registry
    const { serial, certificate, authority } = await identify(options, registry)
    const recorded = revocations.get(serial)
    const before = recorded ?? listed(serial, authority, registry)
    const revocation = before ?? { at: now, reason }
    const record = { ...revocation, authority: authority.facts.fingerprint256 }
    const all = new Map([...revocations, [serial, record] as const])
    const { lists } = currentLists(registry, registry.authorities, now, all)
    const publish = await preparePublication(registry, new Map([['ca.crl', listsPem(lists)]]))
    try {
      // The record first: killed before the list is out, the next command of this CA publishes it.
      if (!recorded) await index.recordRevocation(serial, record)
      await publish()
    } catch (error) {
      if (!recorded) await index.forgetRevocation(serial)
      throw error
    }
    const list = lists.find((list) => list.isSignedBy(authority.facts))
    if (!list) throw new TypeError('the list of the CA is not among its lists')
    const paths = new Set([registry.caStore, registry.store].map(({ directory }) => `${directory}/ca.crl`))
    return { serial, certificate, ...revocation, already: before !== undefined, list, paths: [...paths] }
  })
}

interface Identified {
  readonly serial: string
  readonly certificate: CertificateFacts | undefined
  readonly authority: Authority
}

async function identify(
  { certificate: given, force = false }: RevokeOptions,
  { authorities, issued }: Registry,
): Promise<Identified> {
  const isSerial = /^(?:0x)?[0-9a-f]{1,2}(?::?[0-9a-f]{1,2})*$/i.test(given)
  const serial = serialText(given.replace(/^0x/i, ''))
  const certificate = isSerial ? issued.find((one) => one.serial === serial) : (await inspect(given))[0]
  if (!certificate) {
    if (force) return { serial, certificate, authority: authorities[0] }
    throw new MtlsError('CERT_NOT_FOUND', `no certificate with the serial number ${serial} was issued here`, {
      hint: 'Look it up with `mcp-mtls cert-list`, name the file of the certificate instead, or revoke the number all the same with --force.',
    })
  }
  const authority = authorities.find(({ facts }) => isIssuedBy(certificate, facts))
  if (authority && !certificate.isCa) return { serial: certificate.serial, certificate, authority }
  throw new MtlsError(
    'CERT_INVALID',
    `${certificate.subject} (${certificate.serial}) ${notOurs(certificate, authorities)}`,
    {
      hint: certificate.isCa
        ? 'A CA is replaced, not revoked: `mcp-mtls cert-rotate-ca`.'
        : 'Only the CA that issued it can revoke it: name its directory with --ca-dir.',
    },
  )
}

function notOurs({ isCa, issuer }: CertificateFacts, [{ facts }]: Registry['authorities']): string {
  return isCa ? 'is a CA' : `was issued by ${issuer}, not by ${facts.subject}`
}

/** A CA of another maker may have revoked it, in a list that is kept here. */
function listed(serial: string, { facts }: Authority, registry: Registry): Revocation | undefined {
  const entry = listsOf(registry)
    .filter((list) => list.isSignedBy(facts))
    .map(({ revoked }) => revoked.get(serial))
    .find((entry) => entry !== undefined)
  const reason = revocationReasons.find((reason) => reason === entry?.reason)
  return entry && { at: entry.at, reason: reason ?? 'unspecified' }
}
