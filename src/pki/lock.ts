import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { MtlsError } from '../errors.js'

/** Who holds a lock. A process is known by its number and start: numbers are given out again. */
interface Owner {
  readonly id: string
  readonly pid: number
  readonly start: string | undefined
  readonly host: string
}

const pause = 25

/**
 * Runs `work` while no other process that asks for it holds the lock of `directory`. Waits for a
 * living owner, then throws `CERT_WRITE_FAILED`; takes over from a dead one.
 */
export async function withLock<Result>(
  directory: string,
  work: () => Promise<Result>,
  longestWait = 30_000,
): Promise<Result> {
  const path = join(directory, '.lock')
  const me: Owner = {
    id: `${process.pid}-${randomBytes(6).toString('hex')}`,
    pid: process.pid,
    start: await startOf(process.pid),
    host: hostname(),
  }
  await acquire(path, me, Date.now() + longestWait)
  try {
    // Claims of processes that died while taking over: with the lock held none of them can be valid.
    for (const name of await readdir(directory))
      if (name.startsWith('.lock.')) await rm(join(directory, name), { force: true })
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

// The lock is a symbolic link whose target is the owner: made with its content in one step, or not at all.
async function acquire(path: string, me: Owner, deadline: number): Promise<void> {
  for (;;) {
    try {
      return await symlink(JSON.stringify(me), path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const owner = await ownerOf(path)
    if (!owner) continue
    if (await isAlive(owner)) {
      if (Date.now() > deadline) throw busy(path, owner)
      await delay(pause)
      continue
    }
    // Of those who saw this owner dead only the holder of its claim may put itself in its place;
    // a claim is taken over from the dead in the same way.
    const claim = `${path}.${owner.id}`
    await acquire(claim, me, deadline)
    if ((await ownerOf(path))?.id === owner.id) return rename(claim, path)
    await rm(claim, { force: true })
  }
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readlink(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new MtlsError('CERT_WRITE_FAILED', `${path} is not a lock of this program`, {
      hint: `Look what it is, and remove it.`,
    })
  }
}

function busy(path: string, { pid, host }: Owner): MtlsError {
  return new MtlsError('CERT_WRITE_FAILED', `${path}: process ${pid} on ${host} is writing there`, {
    hint: 'Wait until it is done; if there is no such process any more, remove that file.',
  })
}

/** Another machine's processes cannot be seen from here, so they count as alive. */
async function isAlive({ pid, start, host }: Owner): Promise<boolean> {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const now = await startOf(pid)
  return start === undefined || now === start
}

/** When a process began, in whatever unit the platform has; undefined when there is none. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform !== 'linux')
      return (await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)])).stdout.trim()
    // proc(5): after the name in parentheses, state is the first field and the start time the 20th.
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
