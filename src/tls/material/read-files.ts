import { realpath } from 'node:fs/promises'
import { MtlsError } from '../../errors.js'
import { readRegularFile, Unreadable } from '../../files/read-file.js'

/**
 * A certificate and its key as they were at one moment. Our store, Kubernetes and certbot switch a link, so the
 * resolved paths are compared before and after: a key of one version is never combined with a certificate of another.
 */
export async function readPair(
  certPath: string,
  keyPath: string,
): Promise<{ certText: string; keyText: string }> {
  for (let attempt = 1; ; attempt++) {
    const before = await resolved(certPath, keyPath)
    const [certText, keyText] = await Promise.all([read(certPath), read(keyPath)])
    const after = await resolved(certPath, keyPath)
    if (before === after || attempt === 5) return { certText, keyText }
  }
}

async function resolved(...paths: string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => realpath(path).catch(() => path)))
  return found.join('\0')
}

/** Its bytes, one per character: a list may be DER. Throws `CERT_NOT_FOUND`, naming it. */
export async function read(path: string): Promise<string> {
  try {
    return (await readRegularFile(path)).bytes.toString('latin1')
  } catch (cause) {
    if (cause instanceof Unreadable) {
      const hint = 'Put a file there, or name another one.'
      throw new MtlsError('CERT_NOT_FOUND', `${path} ${cause.message}`, { hint, cause })
    }
    throw new MtlsError('CERT_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}`, { cause })
  }
}

/** Undefined for an optional file that does not exist. */
export async function readOptional(path: string, optional: boolean): Promise<string | undefined> {
  try {
    return await read(path)
  } catch (error) {
    if (optional && isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof MtlsError && (error.cause as NodeJS.ErrnoException).code === 'ENOENT'
}

function systemReason(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? 'there is no such file'
    : code === 'EACCES'
      ? 'permission denied'
      : (code ?? 'unknown error')
}
