import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { isIssuedBy } from '../certificate/authority.js'
import type { Authority } from '../certificate/certificate.js'
import type { Revocation } from '../certificate/crl.js'
import { type RevocationReason, revocationReasons } from '../certificate/revocation-reasons.js'
import { readSerial } from '../certificate/serial.js'
import { inspect } from '../check/inspect.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireOptions } from '../require-options.js'
import { currentLists } from './current-lists.js'
import { listsOf, preparePublication, type Registry, withRegistry } from './registry.js'
import { type CaOptions, caKinds } from './stores.js'

export interface RevokeOptions extends CaOptions {
  /** The file of the certificate, or its serial number in hex. */
  readonly certificate: string
  /** Why, for the revocation list; `unspecified` by default. */
  readonly reason?: RevocationReason | undefined
  /** Revoke a serial number that is not in the index too, as of a CA of another maker; false by default. */
  readonly force?: boolean | undefined
  /** When it is revoked; the clock of this machine by default. */
  readonly now?: Date | undefined
}

const revokeKinds = {
  ...caKinds,
  certificate: kind.required(kind.path),
  reason: kind.oneOf(...revocationReasons),
  force: kind.flag,
  now: kind.moment,
} satisfies OptionKinds<RevokeOptions>

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
  const call = "revokeCertificate({ certDir: './certs', certificate: './certs/client.crt' })"
  requireOptions(options, revokeKinds, call)
  const { certificate: given, force = false, reason = 'unspecified', now = new Date() } = options
  return withRegistry(options, async (registry) => {
    const { serial, certificate, authority } = await identify(given, force, registry)
    const recorded = registry.revocations.get(serial)
    const before = recorded ?? listed(serial, authority, registry)
    const revocation = before ?? { at: now, reason }
    const record = { ...revocation, authority: authority.facts.fingerprint256 }
    const revocations = new Map([...registry.revocations, [serial, record] as const])
    const { lists } = currentLists({ ...registry, revocations }, now)
    const publish = await preparePublication(registry, { lists })
    await (recorded ? publish() : registry.index.revokeAround(serial, record, publish))
    const list = lists.find((list) => list.isSignedBy(authority.facts))
    if (!list) throw new TypeError('the list of the CA is not among its lists')
    const directories = new Set([registry.caStore.directory, registry.store.directory])
    const paths = [...directories].map((directory) => join(directory, 'ca.crl'))
    return { serial, certificate, ...revocation, already: before !== undefined, list, paths }
  })
}

interface Identified {
  readonly serial: string
  readonly certificate: CertificateFacts | undefined
  readonly authority: Authority
}

async function identify(
  given: string,
  force: boolean,
  { authorities, issued }: Registry,
): Promise<Identified> {
  const serial = readSerial(given)
  const certificate =
    serial === undefined ? (await inspect(given))[0] : issued.find((one) => one.serial === serial)
  if (!certificate) {
    if (serial === undefined) throw new TypeError('a file that was read has no certificate')
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
