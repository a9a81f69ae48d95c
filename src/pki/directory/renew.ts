import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { readPrivateKey } from '../../x509/private-key.js'
import { isIssuedBy } from '../certificate/authority.js'
import { type Authority, type Issued, reissue } from '../certificate/certificate.js'
import { privateKeyPemLike } from '../certificate/key.js'
import { defaultValidityDays, longestValidityDays } from '../certificate/request.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireOptions } from '../require-options.js'
import { type StoredFile, stemOf } from '../store/stored-file.js'
import { type CurrentLists, currentLists } from './current-lists.js'
import { openRegistry, preparePublication, type Registry, withRegistry } from './registry.js'
import { dueAt, isDue, listDueAt } from './schedule.js'
import { type CaOptions, caKinds } from './stores.js'
import { certificatesPem } from './trust-changes.js'

export interface RenewOptions extends CaOptions {
  /** Only `NAME.crt`; everything in the directory by default. */
  readonly name?: string | undefined
  /** Renew whether due or not; false by default. */
  readonly all?: boolean | undefined
  /** Certify the existing keys instead of new ones; false by default. */
  readonly reuseKey?: boolean | undefined
  /** Life in days; as long as the one before by default. */
  readonly validityDays?: number | undefined
  /** Tell what would be done, and change nothing; false by default. */
  readonly dryRun?: boolean | undefined
  /** The moment for which it is decided; the clock of this machine by default. */
  readonly now?: Date | undefined
}

const renewKinds = {
  ...caKinds,
  name: kind.text,
  all: kind.flag,
  reuseKey: kind.flag,
  validityDays: kind.days(longestValidityDays),
  dryRun: kind.flag,
  now: kind.moment,
} satisfies OptionKinds<RenewOptions>

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
  /** Revocation lists that were signed again, or would be. */
  readonly lists: readonly CrlFacts[]
  /** Every file that changed. */
  readonly changed: readonly string[]
  /** The CA, when it ends before what it issues would. */
  readonly endingCa: CertificateFacts | undefined
  /** When the next thing of this directory is due. */
  readonly nextDue: Date | undefined
}

/**
 * Renews what has passed two thirds of its life or comes from the previous CA, with the same names, usage and type of
 * key, and signs revocation lists again at half theirs; all of it or nothing. `ca.crt` and `ca.crl` are brought up to
 * date with the CA. Throws what `openRegistry`, `reissue` and `createCrl` throw, and `CERT_WRITE_FAILED`.
 */
export async function renewCertificates(options: RenewOptions): Promise<Renewal> {
  requireOptions(options, renewKinds, "renewCertificates({ certDir: './certs' })")
  const { dryRun = false, now = new Date() } = options
  if (dryRun) {
    const registry = await openRegistry(options)
    return report(plan(registry, options, now), registry)
  }
  return withRegistry(options, async (registry) => {
    const planned = plan(registry, options, now)
    const successors = await make(planned, registry)
    const changed = await publish(planned, successors, registry)
    return report(planned, registry, successors, changed)
  })
}

/** What happens to each certificate and list of a directory at a moment. */
interface Plan {
  readonly now: Date
  readonly certificates: readonly Planned[]
  readonly lists: CurrentLists
}

type Planned = Renewable & { readonly succession?: Succession }

/** All that the successor of a certificate is made of. */
interface Succession {
  readonly stem: string
  readonly certificate: CertificateFacts
  /** The key beside it. */
  readonly key: StoredFile
  /** The successor is for that key too. */
  readonly reuseKey: boolean
  /** As long as the life before when undefined. */
  readonly validityDays: number | undefined
  /** The intermediates to put behind the successor. */
  readonly chain: readonly CertificateFacts[]
}

function plan(registry: Registry, options: RenewOptions, now: Date): Plan {
  const { name } = options
  if (name !== undefined && !registry.files.has(`${name}.crt`))
    throw new MtlsError('CERT_NOT_FOUND', `${join(registry.store.directory, `${name}.crt`)} is not there`)
  const certificates = [...registry.files].flatMap(([fileName, file]): Planned[] => {
    const stem = stemOf(fileName)
    if (fileName !== `${stem}.crt` || stem === 'ca' || (name !== undefined && stem !== name)) return []
    return planOne(stem, file, registry, options, now)
  })
  return { now, certificates, lists: currentLists(registry, now) }
}

function planOne(
  stem: string,
  { path, certificates: [certificate, ...chain] }: StoredFile,
  registry: Registry,
  { all = false, reuseKey = false, validityDays }: RenewOptions,
  now: Date,
): Planned[] {
  if (!certificate) return []
  const { files, authorities } = registry
  const base = { path, certificate }
  const obstacle = obstacleTo(certificate, registry)
  if (obstacle !== undefined) return [{ ...base, outcome: 'left', reason: obstacle }]
  const key = files.get(`${stem}.key`)
  if (!key) return [{ ...base, outcome: 'left', reason: 'has its key elsewhere' }]
  const reason = reasonToRenew(certificate, authorities[0], now, all)
  if (!reason)
    return [{ ...base, outcome: 'kept', dueAt: dueAt(certificate.notBefore, certificate.notAfter) }]
  const succession = {
    stem,
    certificate,
    key,
    reuseKey,
    validityDays: validityDays ?? lifeWished(certificate, authorities),
    // Intermediates above the CA that issues here are as good for the successor; those of another CA are not.
    chain: isIssuedBy(certificate, authorities[0].facts) ? chain : [],
  }
  return [{ ...base, outcome: 'renewed', reason, successor: undefined, succession }]
}

/** Why it is not for this CA to renew. */
function obstacleTo(
  certificate: CertificateFacts,
  { authorities, issued, revocations }: Registry,
): string | undefined {
  const { serial, fingerprint256, isCa } = certificate
  // The index vouches for what a CA of the past has issued.
  const isOurs =
    !isCa &&
    (authorities.some(({ facts }) => isIssuedBy(certificate, facts)) ||
      issued.some((one) => one.fingerprint256 === fingerprint256))
  if (!isOurs) return 'is not from this CA'
  return revocations.has(serial)
    ? 'is revoked and stays so: remove it and its key, then issue another with cert-gen'
    : undefined
}

function reasonToRenew(
  certificate: CertificateFacts,
  authority: Authority,
  now: Date,
  all: boolean,
): RenewalReason | undefined {
  const { notBefore, notAfter } = certificate
  if (!isIssuedBy(certificate, authority.facts)) return 'old CA'
  // It ends with its CA: another one would not last longer.
  if (isDue(notBefore, notAfter, now) && !(notAfter >= authority.facts.notAfter)) return 'due'
  return all ? 'asked for' : undefined
}

/** A life that the end of its CA has cut short says nothing of the next one: it gets the usual one. */
function lifeWished(
  { notAfter, issuer }: CertificateFacts,
  authorities: readonly Authority[],
): number | undefined {
  const cutShort = authorities.some(({ facts }) => facts.subject === issuer && notAfter >= facts.notAfter)
  return cutShort ? defaultValidityDays.client : undefined
}

type Successors = ReadonlyMap<Succession, Issued>

/** In memory; nothing is written yet. */
async function make(
  { now, certificates }: Plan,
  { authorities: [authority], serials, passphrase }: Registry,
): Promise<Successors> {
  const successors = new Map<Succession, Issued>()
  for (const { succession } of certificates) {
    if (!succession) continue
    const { certificate, validityDays, reuseKey, key } = succession
    const successor = await reissue(authority, certificate, {
      now,
      isUsed: (serial) => serials.has(serial),
      validityDays,
      ...(reuseKey && { privateKey: readPrivateKey(key.text, key.path, passphrase) }),
    })
    successors.set(succession, successor)
  }
  return successors
}

/** Gives the paths that changed. */
async function publish(
  { lists: { lists } }: Plan,
  successors: Successors,
  registry: Registry,
): Promise<readonly string[]> {
  const leaves = new Map<string, string>()
  for (const [{ stem, key, reuseKey, chain }, { certificate, keyObject }] of successors) {
    leaves.set(`${stem}.crt`, certificate + certificatesPem(chain))
    if (!reuseKey) leaves.set(`${stem}.key`, privateKeyPemLike(key, keyObject, registry.passphrase))
  }
  const replace = await preparePublication(registry, { lists }, leaves)
  const changed = await registry.index.recordAround([...successors.values()], replace)
  for (const [{ certificate }, { facts }] of successors)
    await registry.index.recordReplacement(certificate.serial, facts.serial)
  return changed
}

function report(
  { now, certificates: planned, lists: { lists, signed } }: Plan,
  { store, authorities: [{ facts: ca }] }: Registry,
  successors: Successors = new Map(),
  changed: readonly string[] = [],
): Renewal {
  const certificates = planned.map(({ succession, ...one }): Renewable => {
    const successor = succession && successors.get(succession)?.facts
    return one.outcome === 'renewed' ? { ...one, successor } : one
  })
  const current = certificates.map((one) => ({
    facts: (one.outcome === 'renewed' && one.successor) || one.certificate,
    isLeft: one.outcome === 'left',
  }))
  // What would be issued now could not live as long as what is there.
  const endsFirst = current.some(
    ({ facts: { notBefore, notAfter } }) =>
      now.getTime() + notAfter.getTime() - notBefore.getTime() > ca.notAfter.getTime(),
  )
  const due = [
    ...current
      .filter(({ facts, isLeft }) => !isLeft && facts.notAfter < ca.notAfter)
      .map(({ facts }) => dueAt(facts.notBefore, facts.notAfter)),
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
