import { basename, join } from 'node:path'
import { MtlsError } from '../../errors.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { readCertificates } from '../../x509/pem.js'
import { readPrivateKey } from '../../x509/private-key.js'
import { type Authority, type Issued, reissue } from '../certificate/authority.js'
import { privateKeyPem, privateKeyPemLike } from '../certificate/key.js'
import type { StoredFile } from '../store/stored-file.js'
import { currentLists } from './current-lists.js'
import {
  type CaOptions,
  isIssuedBy,
  openRegistry,
  preparePublication,
  type Registry,
  withRegistry,
} from './registry.js'
import { dueAt, isDue, listDueAt } from './schedule.js'
import { certificatesPem, listsPem } from './trust-changes.js'

export interface RenewOptions extends CaOptions {
  /** Only `NAME.crt`; everything in the directory by default. */
  readonly name?: string | undefined
  /** Whether due or not. */
  readonly all?: boolean | undefined
  /** Certify the keys of before instead of new ones. */
  readonly reuseKey?: boolean | undefined
  /** As long as the life of before by default. */
  readonly validityDays?: number | undefined
  /** Tell what would be done, and change nothing. */
  readonly dryRun?: boolean | undefined
  readonly now?: Date
}

export type RenewalReason = 'due' | 'old CA' | 'asked for'

/** A certificate of the directory and what became of it. */
export type Renewable = { readonly path: string; readonly certificate: CertificateFacts } & (
  | {
      readonly outcome: 'renewed'
      readonly reason: RenewalReason
      /** Undefined on a dry run. */
      readonly successor: CertificateFacts | undefined
    }
  | { readonly outcome: 'kept'; readonly dueAt: Date }
  /** `reason` is to be read after the name of the file. */
  | { readonly outcome: 'left'; readonly reason: string }
)

export interface Renewal {
  readonly certDir: string
  readonly certificates: readonly Renewable[]
  /** Revocation lists that were signed anew, or would be. */
  readonly lists: readonly CrlFacts[]
  /** Every file that changed. */
  readonly changed: readonly string[]
  /** The CA, when it ends before what it issues would. */
  readonly endingCa: CertificateFacts | undefined
  /** When the next thing of this directory is due. */
  readonly nextDue: Date | undefined
}

/**
 * Issues anew what has passed two thirds of its life or comes from the CA before, with the same names, usage
 * and type of key, and signs revocation lists anew at half theirs; all of it or nothing. `ca.crt` and `ca.crl` are brought up to
 * date with the CA. Throws what `openRegistry`, `reissue` and `createCrl` throw, and `CERT_WRITE_FAILED`.
 */
export async function renewCertificates(options: RenewOptions): Promise<Renewal> {
  const now = options.now ?? new Date()
  if (options.dryRun) {
    const registry = await openRegistry(options)
    const { lists, signed } = currentLists(registry, registry.authorities, now)
    const certificates = plan(options, registry, now)
    return renewal(registry, certificates, { lists, signed, changed: [], now })
  }
  return withRegistry(options, async (registry) => {
    const { index, authorities } = registry
    const successors = new Map<Renewable, Issued>()
    const leaves = new Map<string, string>()
    const planned = plan(options, registry, now)
    for (const one of planned) {
      if (one.outcome !== 'renewed') continue
      const stem = basename(one.path, '.crt')
      const key = registry.files.get(`${stem}.key`)
      if (!key) throw new TypeError(`${stem} was planned without a key`)
      const successor = await succeed(one.certificate, key, options, registry, now)
      successors.set(one, successor)
      const chain = restOfChain(registry.files.get(`${stem}.crt`), authorities[0])
      leaves.set(`${stem}.crt`, successor.certificate + chain)
      if (!options.reuseKey)
        leaves.set(`${stem}.key`, privateKeyPemLike(key, successor.privateKey, options.passphrase))
    }
    const { lists, signed } = currentLists(registry, authorities, now)
    const ca = new Map(lists.length > 0 ? [['ca.crl', listsPem(lists)]] : [])
    const publish = await preparePublication(registry, ca, leaves)
    const changed = await index.recordAround([...successors.values()], publish)
    for (const [{ certificate }, { facts }] of successors)
      await index.recordReplacement(certificate.serial, facts.serial)
    const certificates = planned.map((one) =>
      one.outcome === 'renewed' ? { ...one, successor: successors.get(one)?.facts } : one,
    )
    return renewal(registry, certificates, { lists, signed, changed, now })
  })
}

async function succeed(
  certificate: CertificateFacts,
  key: StoredFile,
  { validityDays, reuseKey, passphrase }: RenewOptions,
  { authorities, index }: Registry,
  now: Date,
): Promise<Issued> {
  const serials = await index.serials()
  return reissue(authorities[0], certificate, {
    now,
    isUsed: (serial) => serials.has(serial),
    validityDays: validityDays ?? lifeWished(certificate, authorities),
    ...(reuseKey && { privateKey: privateKeyPem(readPrivateKey(key.text, key.path, passphrase)) }),
  })
}

/** What is to happen to each certificate of the directory. */
function plan(options: RenewOptions, registry: Registry, now: Date): readonly Renewable[] {
  const { name, all = false } = options
  if (name !== undefined && !registry.files.has(`${name}.crt`))
    throw new MtlsError('CERT_NOT_FOUND', `${join(registry.store.directory, `${name}.crt`)} is not there`)
  return [...registry.files].flatMap(([fileName, file]): Renewable[] => {
    const stem = basename(fileName, '.crt')
    if (stem === fileName || stem === 'ca' || (name !== undefined && stem !== name)) return []
    const [certificate] = readCertificates(file.text, file.path)
    if (!certificate) return []
    const base = { path: file.path, certificate }
    const obstacle = obstacleTo(certificate, registry.files.has(`${stem}.key`), registry)
    if (obstacle !== undefined) return [{ ...base, outcome: 'left', reason: obstacle }]
    const reason = reasonToRenew(certificate, registry.authorities, now, all)
    return reason
      ? [{ ...base, outcome: 'renewed', reason, successor: undefined }]
      : [{ ...base, outcome: 'kept', dueAt: dueAt(certificate.notBefore, certificate.notAfter) }]
  })
}

function obstacleTo(
  certificate: CertificateFacts,
  hasKey: boolean,
  { authorities, issued, revocations }: Registry,
): string | undefined {
  const { serial, fingerprint256, isCa } = certificate
  // The index vouches for what a CA of the past has issued.
  const isOurs =
    !isCa &&
    (authorities.some(({ facts }) => isIssuedBy(certificate, facts)) ||
      issued.some((one) => one.fingerprint256 === fingerprint256))
  if (!isOurs) return 'is not from this CA'
  if (revocations.has(serial))
    return 'is revoked and stays so: remove it and its key, then issue another with cert-gen'
  return hasKey ? undefined : 'has its key elsewhere'
}

function reasonToRenew(
  certificate: CertificateFacts,
  [authority]: Registry['authorities'],
  now: Date,
  all: boolean,
): RenewalReason | undefined {
  const { notBefore, notAfter } = certificate
  if (!isIssuedBy(certificate, authority.facts)) return 'old CA'
  // It ends with its CA: another one would not last longer.
  if (isDue(notBefore, notAfter, now) && !(notAfter >= authority.facts.notAfter)) return 'due'
  return all ? 'asked for' : undefined
}

/** A life that the end of its CA has cut short says nothing of the next one: a year then. */
function lifeWished(
  { notAfter, ...certificate }: CertificateFacts,
  authorities: readonly Authority[],
): number | undefined {
  const cutShort = authorities.some(
    ({ facts }) => facts.subject === certificate.issuer && notAfter >= facts.notAfter,
  )
  return cutShort ? 365 : undefined
}

/** Intermediates above the CA that issues here are as good for the new certificate; those of another CA are not. */
function restOfChain(file: StoredFile | undefined, { facts }: Authority): string {
  const [leaf, ...chain] = file ? readCertificates(file.text, file.path) : []
  return leaf && isIssuedBy(leaf, facts) ? certificatesPem(chain) : ''
}

function renewal(
  { store, authorities: [{ facts: ca }] }: Registry,
  certificates: readonly Renewable[],
  {
    lists,
    signed,
    changed,
    now,
  }: { lists: readonly CrlFacts[]; signed: readonly CrlFacts[]; changed: readonly string[]; now: Date },
): Renewal {
  const current = certificates.map((one) =>
    one.outcome === 'renewed' ? (one.successor ?? one.certificate) : one.certificate,
  )
  // What would be issued now could not live as long as what is there.
  const endsFirst = current.some(
    ({ notBefore, notAfter }) =>
      now.getTime() + notAfter.getTime() - notBefore.getTime() > ca.notAfter.getTime(),
  )
  const due = [
    ...certificates.flatMap((one, at) => {
      const facts = current[at]
      return facts && one.outcome !== 'left' && facts.notAfter < ca.notAfter
        ? [dueAt(facts.notBefore, facts.notAfter)]
        : []
    }),
    ...lists.map(({ thisUpdate, nextUpdate }) => listDueAt(thisUpdate, nextUpdate)),
  ]
  return {
    certDir: store.directory,
    certificates,
    lists: signed,
    changed,
    endingCa: endsFirst ? ca : undefined,
    nextDue: due.toSorted((one, other) => one.getTime() - other.getTime())[0],
  }
}
