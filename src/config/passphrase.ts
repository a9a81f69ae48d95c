import { MtlsError } from '../errors.js'
import { readSmallFile, Unreadable } from '../files/read-file.js'

/**
 * A passphrase given directly, or the first thing in a file: other processes can read environments, but files can be
 * protected.
 */
export interface PassphraseOptions {
  readonly keyPassphrase?: string | undefined
  readonly keyPassphraseFile?: string | undefined
}

/**
 * The passphrase of a key; from a file, without the line end after it; undefined when there is none. Throws
 * `CONFIG_INVALID` when both are given, `CERT_NOT_FOUND` for a file that cannot be read.
 */
export function passphraseFrom({ keyPassphrase, keyPassphraseFile }: PassphraseOptions): string | undefined {
  if (keyPassphraseFile === undefined) return keyPassphrase
  if (keyPassphrase !== undefined)
    throw new MtlsError('CONFIG_INVALID', 'keyPassphrase and keyPassphraseFile are both given: one is wanted')
  try {
    return readSmallFile(keyPassphraseFile)
      .toString('utf8')
      .replace(/\r?\n$/, '')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    // Does not show the path: it may be the passphrase itself.
    const what = cause instanceof Unreadable ? message : `cannot be read (${code})`
    throw new MtlsError('CERT_NOT_FOUND', `keyPassphraseFile: what is named there ${what}`, {
      hint: 'Name the file in which the passphrase stands (TLS_KEY_PASSPHRASE_FILE, --key-passphrase-file).',
      cause,
    })
  }
}
