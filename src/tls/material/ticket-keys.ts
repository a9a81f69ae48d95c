import { hkdfSync, randomBytes } from 'node:crypto'
import { rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { syncDirectory, unlessMissing, writeDurably, writing } from '../../files/durable-write.js'
import { directoryExposure, octal } from '../../files/exposure.js'
import { withLock } from '../../files/lock.js'
import { isRoot, newFile } from '../../files/ownership.js'
import { readRegularFile, Unreadable } from '../../files/read-file.js'
import { hourMs } from '../../text/duration.js'

/**
 * How long a secret is used. Who steals one can read the connections that its tickets resumed and pose as any client,
 * so it is short (RFC 5077 section 5.5 wants keys changed regularly, servers usually take half a day).
 */
export const secretLife = 12 * hourMs

const secretBytes = 32

/** What the keys of session tickets are made from, and for which server. */
export interface TicketSecret {
  readonly bytes: Buffer
  readonly serverName: string
}

/** The server on which tickets are to be good, and on no other. */
export interface TicketScope {
  readonly mode: 'strict' | 'demo'
  /** The digest of the CAs and revocation lists: the same in every process, and another after a revocation. */
  readonly trustVersion: string
}

/**
 * The 48 bytes that Node takes: name, MAC key and cipher key of a ticket. Others for each server name, mode and trust:
 * a ticket of one is noise to all others.
 */
export function ticketKeysFor(
  { bytes, serverName }: TicketSecret,
  { mode, trustVersion }: TicketScope,
): Buffer {
  const scope = JSON.stringify(['mcp-mtls session tickets', 1, serverName, mode, trustVersion])
  return Buffer.from(hkdfSync('sha256', bytes, '', scope, 48))
}

/**
 * The secret in a file, which several processes share. Makes the file when it is missing, and another secret when it
 * is due: one process does so under the lock of the directory, the others read what is there then. Where nothing can
 * be written the old one goes on: somebody else replaces it. Throws `CONFIG_INVALID` for a file that is no such
 * secret or that others may read or replace, and `CERT_WRITE_FAILED`.
 */
export async function readTicketSecret(path: string, now: Date): Promise<Buffer> {
  const found = await readSecret(path)
  if (found && !isDue(found, now)) return found.bytes
  try {
    return await renewed(path, now)
  } catch (error) {
    if (found && error instanceof MtlsError && error.code === 'CERT_WRITE_FAILED') return found.bytes
    throw error
  }
}

interface Secret {
  readonly since: Date
  readonly bytes: Buffer
}

/** Also one from the future: a clock was set back, and nobody knows how old it is. */
function isDue({ since }: Secret, now: Date): boolean {
  return Math.abs(now.getTime() - since.getTime()) >= secretLife
}

/** Replaces the file in one step: whoever is killed on the way leaves the old one, whole. */
function renewed(path: string, now: Date): Promise<Buffer> {
  const directory = dirname(path)
  return writing(directory, async () => {
    const found = await unlessMissing(stat(directory))
    if (!found?.isDirectory()) {
      const hint = 'Make that directory, for the user of the servers alone.'
      throw new MtlsError('CONFIG_INVALID', `tls.ticketKeys: ${directory} is not a directory`, { hint })
    }
    const exposure = process.geteuid && directoryExposure(directory, found.mode)
    if (exposure) throw exposed(directory, exposure)
    return withLock(directory, async (confirm) => {
      const latest = await readSecret(path)
      if (latest && !isDue(latest, now)) return latest.bytes // another process was first
      const bytes = randomBytes(secretBytes)
      const fresh = join(directory, `.${basename(path)}.new`)
      await rm(fresh, { force: true }) // of a process that was killed
      try {
        const text = `${now.toISOString()} ${bytes.toString('hex')}\n`
        await writeDurably(fresh, text, newFile(await stat(directory), 0o600))
        await confirm()
        await rename(fresh, path)
        await syncDirectory(directory)
      } finally {
        await rm(fresh, { force: true })
      }
      return bytes
    })
  })
}

/** Undefined when there is none. */
async function readSecret(path: string): Promise<Secret | undefined> {
  try {
    const { bytes, stats } = await readRegularFile(path)
    const directory = await stat(dirname(path))
    const exposure =
      process.geteuid === undefined // Windows has other ways to say who may read
        ? undefined
        : (fileExposure(stats, directory.uid) ?? directoryExposure(dirname(path), directory.mode))
    if (exposure) throw exposed(path, exposure)
    const [, since = '', hex = ''] =
      /^(\d{4}-[\d-]+T[\d:.]+Z) ([\da-f]{64})\n?$/.exec(bytes.toString('latin1')) ?? []
    const secret = { since: new Date(since), bytes: Buffer.from(hex, 'hex') }
    if (secret.bytes.length === secretBytes && !Number.isNaN(secret.since.getTime())) return secret
    throw new Unreadable('is not a secret of session tickets')
  } catch (cause) {
    if (cause instanceof MtlsError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    const hint = 'Remove it, and a new one is made; or name another place.'
    const why = cause instanceof Unreadable ? message : `cannot be read (${code})`
    throw new MtlsError('CONFIG_INVALID', `tls.ticketKeys: ${path} ${why}`, { hint, cause })
  }
}

function exposed(path: string, exposure: string): MtlsError {
  const hint =
    'Whoever reads it can pose as any client: `chmod 600` it, in a directory that its owner alone can change. A new one is made when it is removed.'
  return new MtlsError('CONFIG_INVALID', `tls.ticketKeys: ${path}: ${exposure}`, { hint })
}

/** Its owner is who runs the server, or root; to root, also whoever owns the directory, as our commands write there. */
function fileExposure(
  { mode, uid }: { readonly mode: number; readonly uid: number },
  ownerOfDirectory: number,
): string | undefined {
  if (mode & 0o077) return `others than its owner may use it (mode ${octal(mode)})`
  const isOurs = uid === process.geteuid?.() || uid === 0 || (isRoot() && uid === ownerOfDirectory)
  return isOurs ? undefined : `it belongs to another user (${uid})`
}
