import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { buildPath } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { type Authority, openAuthorities } from '../certificate/authority.js'
import { CertificateStore } from '../store/store.js'
import type { StoredFiles } from '../store/stored-file.js'
import { IssuedIndex, type RecordedRevocation } from './issued-index.js'
import { trustChanges } from './trust-changes.js'

/** Where a CA and the certificates of one party are. */
export interface CaOptions {
  readonly certDir: string
  /** Where `ca.key` and the index of what was issued live; `certDir` by default. `ca.crt` and `ca.crl` are in both. */
  readonly caDir?: string | undefined
  /** Of keys that are encrypted. */
  readonly passphrase?: string | undefined
}

/** A directory of certificates and the CA behind it, as both are at one moment. */
export interface Registry {
  readonly store: CertificateStore
  /** The same as `store` unless the CA is kept elsewhere. */
  readonly caStore: CertificateStore
  readonly files: StoredFiles
  readonly caFiles: StoredFiles
  /** The CA that issues; then, while a rotation is under way, the one before it. */
  readonly authorities: readonly [Authority, ...Authority[]]
  readonly index: IssuedIndex
  readonly issued: readonly CertificateFacts[]
  readonly revocations: ReadonlyMap<string, RecordedRevocation>
  /** Serial numbers that are out of use, and those in their place. */
  readonly replacements: ReadonlyMap<string, string>
}

/**
 * Reads a directory and its CA. Throws `CERT_DIR_NOT_FOUND`, `CERT_NOT_FOUND` when there is no CA or its key is
 * elsewhere, and what `openAuthority` throws.
 */
export async function openRegistry(options: CaOptions): Promise<Registry> {
  const { store, caStore } = await storesOf(options)
  return read(store, caStore, options.passphrase)
}

/** Keeps other writers out of both directories while `work` runs. Throws what `openRegistry` throws. */
export async function withRegistry<Result>(
  options: CaOptions,
  work: (registry: Registry) => Promise<Result>,
): Promise<Result> {
  const { store, caStore } = await storesOf(options)
  const run = async () => work(await read(store, caStore, options.passphrase))
  return caStore.exclusively(() => (caStore === store ? run() : store.exclusively(run)))
}

/**
 * Prepares changes (file name → text) to the CA and to the party's certificates, which bring `ca.crt` and `ca.crl` of the
 * party up to date. Throws `CERT_WRITE_FAILED` when a directory would not take them: to be asked before the index is
 * written. Gives the step that makes them and returns the paths that changed. It is one step where both share a
 * directory; otherwise the CA comes first: killed in between, the next command catches up.
 */
export async function preparePublication(
  { store, caStore, files, caFiles, authorities, issued }: Registry,
  ca: ReadonlyMap<string, string>,
  leaves: ReadonlyMap<string, string> = new Map(),
): Promise<() => Promise<readonly string[]>> {
  if (caStore === store) return prepare(store, files, new Map([...ca, ...leaves]))
  const text = (name: string) => ca.get(name) ?? caFiles.get(name)?.text
  const known = [...authorities.map(({ facts }) => facts), ...issued.filter(({ isCa }) => isCa)]
  const trust = trustChanges(files, { certificates: text('ca.crt') ?? '', lists: text('ca.crl') }, known)
  const publishCa = await prepare(caStore, caFiles, ca)
  const publishLeaves = await prepare(store, files, new Map([...trust, ...leaves]))
  return async () => [...(await publishCa()), ...(await publishLeaves())]
}

/** Whether `authority` signed this certificate. */
export function isIssuedBy(certificate: CertificateFacts, authority: CertificateFacts): boolean {
  return (
    buildPath(certificate, [], [authority]).certificates.at(1)?.fingerprint256 === authority.fingerprint256
  )
}

/** The revocation lists in `ca.crl` of the CA and of the party. */
export function listsOf({ files, caFiles }: Pick<Registry, 'files' | 'caFiles'>): readonly CrlFacts[] {
  return [caFiles, files].flatMap((all) => {
    const file = all.get('ca.crl')
    return file ? readCrls(file.text, file.path) : []
  })
}

async function prepare(
  store: CertificateStore,
  files: StoredFiles,
  changes: ReadonlyMap<string, string>,
): Promise<() => Promise<readonly string[]>> {
  const real = new Map([...changes].filter(([name, text]) => files.get(name)?.text !== text))
  await store.check(real.keys())
  return async () => {
    if (real.size > 0) await store.commit(real)
    return [...real.keys()].map((name) => join(store.directory, name))
  }
}

async function storesOf({ certDir, caDir }: CaOptions) {
  const store = new CertificateStore(certDir)
  const isThere = await isDirectory(store.directory)
  if (caDir === undefined) {
    if (!isThere) throw absent(store.directory)
    return { store, caStore: store }
  }
  const caStore = new CertificateStore(caDir)
  if (!(await isDirectory(caStore.directory))) throw absent(caStore.directory)
  // A machine that keeps nothing but the CA has no other directory.
  const same = !isThere || (await realpath(caStore.directory)) === (await realpath(store.directory))
  return { store: same ? caStore : store, caStore }
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}

function absent(directory: string): MtlsError {
  return new MtlsError('CERT_DIR_NOT_FOUND', `${directory} is not there`, {
    hint: 'Name the directory of the certificates with --cert-dir, that of the CA with --ca-dir.',
  })
}

async function read(
  store: CertificateStore,
  caStore: CertificateStore,
  passphrase: string | undefined,
): Promise<Registry> {
  const files = await store.read()
  const caFiles = caStore === store ? files : await caStore.read()
  const required = (name: string) => {
    const file = caFiles.get(name)
    if (file) return file
    throw new MtlsError('CERT_NOT_FOUND', `${join(caStore.directory, name)} is not there`, {
      hint: 'Only the CA can do this: name the directory that has ca.crt and ca.key with --ca-dir.',
    })
  }
  const authorities = openAuthorities(required('ca.crt'), required('ca.key'), passphrase)
  const index = new IssuedIndex(caStore.directory)
  return {
    store,
    caStore,
    files,
    caFiles,
    authorities,
    index,
    issued: await index.list(),
    revocations: await index.revocations(),
    replacements: await index.replacements(),
  }
}
