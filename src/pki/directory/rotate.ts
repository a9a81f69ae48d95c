import { MtlsError } from '../../errors.js'
import { trustDomainOf } from '../../text/spiffe.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { certificateParts } from '../../x509/der/certificate-parts.js'
import { readName, valuesOf } from '../../x509/name.js'
import { privateKeyBlocks } from '../../x509/private-key.js'
import { isIssuedBy } from '../certificate/authority.js'
import { createAuthority } from '../certificate/certificate.js'
import { generateKeyLike, privateKeyPemLike } from '../certificate/key.js'
import { type AuthorityOptions, type SubjectOptions, subjectKinds } from '../certificate/request.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireOptions } from '../require-options.js'
import { currentLists } from './current-lists.js'
import { preparePublication, type Registry, withRegistry } from './registry.js'
import { type CaOptions, caKinds } from './stores.js'

/** Subject and key of the new CA are like those of the present one by default, its life is that of any new CA. */
export interface RotateOptions extends CaOptions, SubjectOptions {
  /** When it begins; the clock of this machine by default. */
  readonly now?: Date | undefined
}

const rotateKinds = {
  ...caKinds,
  ...subjectKinds,
  now: kind.moment,
} satisfies OptionKinds<RotateOptions>

export interface FinishOptions extends CaOptions {
  /** Whatever still comes from the previous CA: it will be refused; false by default. */
  readonly force?: boolean | undefined
  /** The moment for which it is decided; the clock of this machine by default. */
  readonly now?: Date | undefined
}

const finishKinds = {
  ...caKinds,
  force: kind.flag,
  now: kind.moment,
} satisfies OptionKinds<FinishOptions>

export interface Rotation {
  readonly stage: 'begun' | 'under way' | 'finished'
  /** The CA that issues. */
  readonly current: CertificateFacts
  /** The previous CA; undefined when it was dropped by an earlier run. */
  readonly previous: CertificateFacts | undefined
  /** What still comes from the previous CA, is valid, and has not been replaced. */
  readonly outstanding: readonly CertificateFacts[]
  /** Every file that changed. */
  readonly changed: readonly string[]
}

/**
 * Begins the change to a new CA, like the present one unless told otherwise: from now on both are trusted, and the new
 * one issues. While a change is under way no other begins: then `ca.crt` and `ca.crl` of this party are brought up to date.
 * Throws `CONFIG_INVALID` for the options, what `openRegistry` throws, and `CERT_WRITE_FAILED`.
 */
export async function rotateAuthority(options: RotateOptions): Promise<Rotation> {
  requireOptions(options, rotateKinds, "rotateAuthority({ certDir: './certs' })")
  const { now = new Date() } = options
  return withRegistry(options, async (registry) => {
    const [present, previous] = registry.authorities
    if (previous) {
      const publish = await preparePublication(registry, { lists: currentLists(registry, now).lists })
      return rotation('under way', registry, present.facts, previous.facts, await publish(), now)
    }
    const { caFiles, index, serials, passphrase } = registry
    const [certificate, key] = [caFiles.get('ca.crt'), caFiles.get('ca.key')]
    if (!certificate || !key) throw new TypeError('a registry without a CA')
    const wanted = like(present.facts, options)
    const authority = await createAuthority(wanted, {
      now,
      ...(wanted.keyType === undefined && { privateKey: await generateKeyLike(present.keyObject) }),
    })
    const publish = await preparePublication(registry, {
      certificates: [authority.facts, ...certificate.certificates],
      keys: privateKeyPemLike(key, authority.keyObject, passphrase) + key.text,
      // The list of the new CA comes with it: once there are lists, a CA without one is refused.
      lists: currentLists(registry, now, [authority, ...registry.authorities]).lists,
    })
    for (const one of [present, authority]) if (!serials.has(one.facts.serial)) await index.record(one)
    return rotation('begun', registry, authority.facts, present.facts, await publish(), now)
  })
}

/**
 * Ends the change: the previous CA is no longer trusted, and its key is deleted, also from earlier generations. Throws
 * `CERT_IN_USE` while certificates of it are in use, unless forced; `CERT_NOT_FOUND` when no change is under way.
 */
export async function finishRotation(options: FinishOptions): Promise<Rotation> {
  requireOptions(options, finishKinds, "finishRotation({ certDir: './certs' })")
  const { now = new Date(), force = false } = options
  return withRegistry(options, async (registry) => {
    const { authorities, caFiles, caStore, issued } = registry
    const [current, previous] = authorities
    const anchors = caFiles.get('ca.crt')?.certificates ?? []
    const others = (facts: CertificateFacts) =>
      anchors.filter(({ fingerprint256 }) => fingerprint256 !== facts.fingerprint256)
    if (previous) {
      const outstanding = outstandingFrom(previous.facts, registry, now)
      if (outstanding.length > 0 && !force) throw inUse(outstanding, previous.facts)
    } else if (issued.every((one) => !one.isCa || others(one).length < anchors.length)) {
      // Killed before it was over, the last run has left a CA in the index that is trusted no more.
      throw notUnderWay(registry)
    }
    const publish = await preparePublication(
      registry,
      previous
        ? {
            certificates: others(previous.facts),
            keys: privateKeyBlocks(caFiles.get('ca.key')?.text ?? '')[0] ?? '',
            lists: currentLists(registry, now, [current]).lists,
          }
        : {},
    )
    const changed = await publish()
    await caStore.forget('ca.key')
    return rotation('finished', registry, current.facts, previous?.facts, changed, now)
  })
}

function rotation(
  stage: Rotation['stage'],
  registry: Registry,
  current: CertificateFacts,
  previous: CertificateFacts | undefined,
  changed: readonly string[],
  now: Date,
): Rotation {
  const outstanding = previous ? outstandingFrom(previous, registry, now) : []
  return { stage, current, previous, outstanding, changed }
}

function outstandingFrom(
  previous: CertificateFacts,
  { files, issued, revocations, replacements }: Registry,
  now: Date,
): readonly CertificateFacts[] {
  const here = [...files]
    .filter(([name]) => name.endsWith('.crt'))
    .flatMap(([, { certificates }]) => certificates.slice(0, 1))
  // What lies here is in use, whatever was noted when somebody meant to replace it.
  const elsewhere = issued.filter(({ serial }) => !replacements.has(serial))
  const all = new Map([...elsewhere, ...here].map((one) => [one.fingerprint256, one]))
  return [...all.values()].filter(
    (one) => !one.isCa && now < one.notAfter && !revocations.has(one.serial) && isIssuedBy(one, previous),
  )
}

function notUnderWay({ caStore }: Registry): MtlsError {
  return new MtlsError(
    'CERT_NOT_FOUND',
    `${caStore.directory} has no CA of before: no change of CA is under way`,
    {
      hint: 'Begin one with `mcp-mtls cert-rotate-ca`.',
    },
  )
}

function inUse(outstanding: readonly CertificateFacts[], { subject }: CertificateFacts): MtlsError {
  const names = outstanding.map((one) => `${one.subject} (${one.serial})`)
  return new MtlsError('CERT_IN_USE', `not yet issued anew, and still from ${subject}: ${names.join(', ')}`)
}

/** The options of a CA like this one; without a type of key its key is to be like that of this one. */
function like(ca: CertificateFacts, wishes: SubjectOptions): AuthorityOptions {
  return {
    trustDomain: ca.names.uri.map(trustDomainOf).find((domain) => domain !== undefined),
    organization: wishes.organization ?? attribute(ca, '2.5.4.10'),
    country: wishes.country ?? attribute(ca, '2.5.4.6'),
    validityDays: wishes.validityDays,
    keyType: wishes.keyType ?? (ca.key.type === 'rsa' && wishes.keySize !== undefined ? 'rsa' : undefined),
    keySize: wishes.keySize,
  }
}

function attribute({ x509 }: CertificateFacts, wanted: string): string | undefined {
  return valuesOf(readName(certificateParts(x509.raw).subject), wanted)[0]
}
