import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { authoritiesOf } from '../certificate/authority.js'
import type { Authority } from '../certificate/certificate.js'
import type { CertificateStore } from '../store/store.js'
import type { StoredFiles } from '../store/stored-file.js'
import { type IssuedContents, IssuedIndex } from './issued-index.js'
import { type CaOptions, type Contents, exclusively, readContents, type Stores, storesOf } from './stores.js'
import { certificatesPem, listsPem, type PublishedTrust, trustChanges } from './trust-changes.js'

/** A directory of certificates and the CA behind it, as both are at one moment. */
export interface Registry extends Stores, Contents, IssuedContents {
  /** The CA that issues; then, while a rotation is under way, the previous one. */
  readonly authorities: readonly [Authority, ...Authority[]]
  readonly index: IssuedIndex
  /** Of keys that are encrypted. */
  readonly passphrase: string | undefined
}

/**
 * Reads a directory and its CA. Throws `CERT_DIR_NOT_FOUND`, `CERT_NOT_FOUND` when there is no CA or its key is
 * elsewhere, and what `openAuthority` throws.
 */
export async function openRegistry(options: CaOptions): Promise<Registry> {
  return read(await existingStores(options), options.passphrase)
}

/** Keeps other writers out of both directories while `work` runs. Throws what `openRegistry` throws. */
export async function withRegistry<Result>(
  options: CaOptions,
  work: (registry: Registry) => Promise<Result>,
): Promise<Result> {
  const stores = await existingStores(options)
  return exclusively(stores, async () => work(await read(stores, options.passphrase)))
}

/** What is to change at a CA; what is absent stays as it is. */
export interface AuthorityChanges extends Partial<PublishedTrust> {
  /** The text of `ca.key`. */
  readonly keys?: string
}

/**
 * Prepares changes to the CA and to the party's certificates (file name → text), which bring `ca.crt` and `ca.crl` of the
 * party up to date. Throws `CERT_WRITE_FAILED` when a directory would not take them: to be asked before the index is
 * written. Gives the step that makes them and returns the paths that changed. It is one step where both share a
 * directory; otherwise the CA comes first: killed in between, the next command catches up.
 */
export async function preparePublication(
  registry: Registry,
  { certificates, keys, lists = [] }: AuthorityChanges,
  leaves: ReadonlyMap<string, string> = new Map(),
): Promise<() => Promise<readonly string[]>> {
  const { store, caStore, files, caFiles } = registry
  const ca = new Map<string, string>()
  if (certificates) ca.set('ca.crt', certificatesPem(certificates))
  if (keys !== undefined) ca.set('ca.key', keys)
  if (lists.length > 0) ca.set('ca.crl', listsPem(lists))
  if (caStore === store) return prepare(store, files, new Map([...ca, ...leaves]))
  const published: PublishedTrust = {
    certificates: certificates ?? caFiles.get('ca.crt')?.certificates ?? [],
    lists: lists.length > 0 ? lists : caFiles.get('ca.crl')?.lists,
  }
  const trust = trustChanges(files, published, knownAuthorities(registry))
  const publishCa = await prepare(caStore, caFiles, ca)
  const publishLeaves = await prepare(store, files, new Map([...trust, ...leaves]))
  return async () => [...(await publishCa()), ...(await publishLeaves())]
}

/** The CAs of its present and past. */
export function knownAuthorities({ authorities, issued }: Registry): readonly CertificateFacts[] {
  return [...authorities.map(({ facts }) => facts), ...issued.filter(({ isCa }) => isCa)]
}

/** The revocation lists in `ca.crl` of the CA and of the party. */
export function listsOf({ files, caFiles }: Contents): readonly CrlFacts[] {
  return [caFiles, files].flatMap((all) => all.get('ca.crl')?.lists ?? [])
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

async function existingStores(options: CaOptions): Promise<Stores> {
  const { store, caStore } = await storesOf(options)
  if (!(await isDirectory(caStore.directory))) throw absent(caStore.directory)
  // A machine that keeps nothing but the CA has no other directory.
  return { store: (await isDirectory(store.directory)) ? store : caStore, caStore }
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

async function read(stores: Stores, passphrase: string | undefined): Promise<Registry> {
  const { caStore } = stores
  const contents = await readContents(stores)
  const required = (name: string) => {
    const file = contents.caFiles.get(name)
    if (file) return file
    throw new MtlsError('CERT_NOT_FOUND', `${join(caStore.directory, name)} is not there`, {
      hint: 'Only the CA can do this: name the directory that has ca.crt and ca.key with --ca-dir.',
    })
  }
  const authorities = authoritiesOf(required('ca.crt'), required('ca.key'), passphrase)
  const index = new IssuedIndex(caStore.directory)
  return { ...stores, ...contents, authorities, index, passphrase, ...(await index.read()) }
}
