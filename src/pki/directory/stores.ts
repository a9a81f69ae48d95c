import { realpath } from 'node:fs/promises'
import * as kind from '../option-kinds.js'
import type { OptionKinds } from '../require-options.js'
import { CertificateStore } from '../store/store.js'
import type { StoredFiles } from '../store/stored-file.js'

/** Where a CA and the certificates of one party are. */
export interface CaOptions {
  /** Directory of the party's certificates. */
  readonly certDir: string
  /** Directory of `ca.key` and the index of what was issued; `certDir` by default. `ca.crt` and `ca.crl` are in both. */
  readonly caDir?: string | undefined
  /** Passphrase of keys that are encrypted; none by default. */
  readonly passphrase?: string | undefined
}

export const caKinds = {
  certDir: kind.required(kind.path),
  caDir: kind.path,
  passphrase: kind.text,
} satisfies OptionKinds<CaOptions>

/** The directory of a party and that of its CA: the same store unless the CA is kept elsewhere. */
export interface Stores {
  readonly store: CertificateStore
  readonly caStore: CertificateStore
}

/** What both held at one moment. */
export interface Contents {
  readonly files: StoredFiles
  readonly caFiles: StoredFiles
}

export async function storesOf({ certDir, caDir = certDir }: CaOptions): Promise<Stores> {
  const [store, caStore] = [new CertificateStore(certDir), new CertificateStore(caDir)]
  const real = (path: string) => realpath(path).catch(() => path)
  const isSame = (await real(caStore.directory)) === (await real(store.directory))
  return { store, caStore: isSame ? store : caStore }
}

/** Keeps other writers out of both while `work` runs. Throws `CERT_WRITE_FAILED`. */
export function exclusively<Result>(
  { store, caStore }: Stores,
  work: () => Promise<Result>,
): Promise<Result> {
  return caStore.exclusively(() => (caStore === store ? work() : store.exclusively(work)))
}

/** Throws `CERT_NOT_FOUND` for files that cannot be read. */
export async function readContents({ store, caStore }: Stores): Promise<Contents> {
  const files = await store.read()
  return { files, caFiles: caStore === store ? files : await caStore.read() }
}
