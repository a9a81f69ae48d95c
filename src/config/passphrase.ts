import { MtlsError } from '../errors.js'
import { readSmallFile, Unreadable } from '../files/read-file.js'

/** A passphrase as it was given, or the first thing in a file: environments are read by others, files need not be. */
export interface PassphraseOptions {
  readonly keyPassphrase?: string | undefined
  readonly keyPassphraseFile?: string | undefined
}

/**
 * The passphrase of a key, of a file without the line end after it; undefined when there is none. Throws `CONFIG_INVALID`
 * for both at once, `CERT_NOT_FOUND` for a file that cannot be read.
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
    // Not the path: it may be the passphrase itself.
    const what = cause instanceof Unreadable ? message : `cannot be read (${code})`
    throw new MtlsError('CERT_NOT_FOUND', `keyPassphraseFile: what is named there ${what}`, {
      hint: 'Name the file in which the passphrase stands (TLS_KEY_PASSPHRASE_FILE, --key-passphrase-file).',
      cause,
    })
  }
}
