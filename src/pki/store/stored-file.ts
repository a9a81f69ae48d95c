import { basename, extname } from 'node:path'
import { MtlsError } from '../../errors.js'
import { type Ownership, ownershipOf } from '../../files/ownership.js'
import { readRegularFile, Unreadable } from '../../files/read-file.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { readCertificates } from '../../x509/pem.js'

/** Modes of new files and directories. */
export const modes = { key: 0o600, certificate: 0o644, directory: 0o700 } as const

interface Place {
  readonly path: string
  /** Ours: a link into the current generation. Otherwise somebody put it there. */
  readonly managed: boolean
  /** False when the link of a managed file was removed and its other half is still there. */
  readonly linked: boolean
}

/** A file of a certificate directory as it was at one moment. What it holds is read once, when it is asked for. */
export class StoredFile implements Place {
  readonly path: string
  readonly managed: boolean
  readonly linked: boolean
  /** That of the file which was read, whatever link led to it. */
  readonly ownership: Ownership
  readonly #text: string
  #certificates: readonly CertificateFacts[] | undefined
  #lists: readonly CrlFacts[] | undefined

  constructor({ path, managed, linked }: Place, text: string, ownership: Ownership) {
    this.path = path
    this.managed = managed
    this.linked = linked
    this.ownership = ownership
    this.#text = text
  }

  /** A byte in each character. Of a key it is secret, and not enumerable. */
  get text(): string {
    return this.#text
  }

  /** The first one is that of the file's name. Throws `CERT_INVALID`. */
  get certificates(): readonly CertificateFacts[] {
    this.#certificates ??= readCertificates(this.#text, this.path)
    return this.#certificates
  }

  /** The revocation lists in it. Throws `CERT_INVALID`. */
  get lists(): readonly CrlFacts[] {
    this.#lists ??= readCrls(this.#text, this.path)
    return this.#lists
  }
}

/** By file name: `server.crt`, `server.key` … */
export type StoredFiles = ReadonlyMap<string, StoredFile>

/** Whether a file of this name is one of a store's. */
export function isStored(name: string): boolean {
  return /^[^.].*\.(?:crt|key|crl)$/.test(name)
}

export function isKey(name: string): boolean {
  return name.endsWith('.key')
}

/** The name without folder and ending. */
export function stemOf(path: string): string {
  return basename(path, extname(path))
}

/** The name of the key of a certificate, or the other way round. */
export function otherHalf(name: string): string {
  return name.replace(/\.(?:crt|key)$/, (ending) => (ending === '.key' ? '.crt' : '.key'))
}

/** The file at `path`, which is shown as that of `place`. Throws `CERT_NOT_FOUND`. */
export async function readStored(path: string, place: Place): Promise<StoredFile> {
  try {
    // Byte for byte: a list may be DER. By one handle: what root reads for somebody stays whose it was.
    const { bytes, stats } = await readRegularFile(path)
    return new StoredFile(place, bytes.toString('latin1'), ownershipOf(stats))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const what = cause instanceof Unreadable ? message : `cannot be read: ${code}`
    if (code !== 'EACCES') throw new MtlsError('CERT_NOT_FOUND', `${place.path} ${what}`, { cause })
    const hint = 'Run it as the owner of the file, or as root.'
    throw new MtlsError('CERT_NOT_FOUND', `${place.path} cannot be read: permission denied`, { hint, cause })
  }
}
