import { basename } from 'node:path'
import { MtlsError } from '../../errors.js'
import { type Ownership, ownershipOf } from '../../files/ownership.js'
import { readRegularFile, Unreadable } from '../../files/read-file.js'

export interface StoredFile {
  readonly path: string
  readonly text: string
  /** Ours: a link into the current generation. Otherwise somebody put it there. */
  readonly managed: boolean
  /** False when the link of a managed file was removed and its other half is still there. */
  readonly linked: boolean
  /** That of the file which was read, whatever link led to it. */
  readonly ownership: Ownership
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

/** The name of the key of a certificate, or the other way round. */
export function otherHalf(name: string): string {
  const stem = basename(name).replace(/\.(?:crt|key)$/, '')
  return isKey(name) ? `${stem}.crt` : `${stem}.key`
}

/** Throws `CERT_NOT_FOUND` for `shownPath`. */
export async function readStored(
  path: string,
  shownPath: string,
): Promise<Pick<StoredFile, 'text' | 'ownership'>> {
  try {
    // Byte for byte: a list may be DER. By one handle: what root reads for somebody stays whose it was.
    const { bytes, stats } = await readRegularFile(path)
    return { text: bytes.toString('latin1'), ownership: ownershipOf(stats) }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const what = cause instanceof Unreadable ? message : `cannot be read: ${code}`
    if (code !== 'EACCES') throw new MtlsError('CERT_NOT_FOUND', `${shownPath} ${what}`, { cause })
    const hint = 'Run it as the owner of the file, or as root.'
    throw new MtlsError('CERT_NOT_FOUND', `${shownPath} cannot be read: permission denied`, { hint, cause })
  }
}
