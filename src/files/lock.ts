import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { lstat, lutimes, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
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
  /** Where that number means this process, and no other. */
  readonly place: string
  /** For people. */
  readonly host: string
}

export interface LockOptions {
  /** Name of the lock in its directory; default `.lock`. */
  readonly name?: string
  /** How long a living owner is waited for, milliseconds. */
  readonly longestWait?: number
  /** How long an owner whose process cannot be seen from here may leave its lock untouched, milliseconds. */
  readonly longestSilence?: number
}

const defaults = { name: '.lock', longestWait: 30_000, longestSilence: 15_000 } as const
/** How often an owner touches its lock, milliseconds. */
const touchEvery = 1000
const pause = 25

export interface HeldLock {
  /** Throws when the lock was taken over, which happens to a process that was stopped for long. */
  confirm(): Promise<void>
  release(): Promise<void>
}

/**
 * Runs `work` while no other process that asks for it holds the lock of `directory`. `work` gets a function that
 * throws when the lock was taken over: to be called before what cannot be undone. Otherwise like `holdLock`.
 */
export async function withLock<Result>(
  directory: string,
  work: (confirm: () => Promise<void>) => Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  const lock = await holdLock(directory, options)
  try {
    return await work(lock.confirm)
  } finally {
    await lock.release()
  }
}

/**
 * The lock of `directory`, until it is released. Waits for a living owner, then throws `CERT_WRITE_FAILED`; takes over
 * from a dead one. In another container or on another machine an owner is alive while it touches its lock, so
 * one is waited for at least until its silence tells.
 */
export async function holdLock(directory: string, options: LockOptions = {}): Promise<HeldLock> {
  const { name, longestWait, longestSilence } = { ...defaults, ...options }
  const path = join(directory, name)
  const me: Owner = {
    id: `${process.pid}-${randomBytes(6).toString('hex')}`,
    pid: process.pid,
    start: await startOf(process.pid),
    place: await placeOfProcesses(),
    host: hostname(),
  }
  await acquire(path, me, { since: performance.now(), longestWait, longestSilence })
  const isMine = async () => (await ownerOf(path).catch(() => undefined))?.id === me.id
  const touch = async () => {
    if (await isMine()) await lutimes(path, new Date(), new Date()).catch(() => undefined)
  }
  const touching = setInterval(() => void touch(), touchEvery).unref()
  const release = async () => {
    clearInterval(touching)
    if (await isMine()) await rm(path, { force: true })
  }
  try {
    // Claims of processes that died while taking over: with the lock held none of them can be valid.
    for (const claim of await readdir(directory))
      if (claim.startsWith(`${name}.`))
        await rm(join(directory, claim), { force: true }).catch(() => undefined)
  } catch (error) {
    await release()
    throw error
  }
  return {
    release,
    confirm: async () => {
      if (!(await isMine())) throw lost(path)
    },
  }
}

interface Patience {
  /** By `performance.now()`. */
  readonly since: number
  readonly longestWait: number
  readonly longestSilence: number
}

// The lock is a symbolic link whose target is the owner: made with its content in one step, or not at all.
async function acquire(path: string, me: Owner, patience: Patience): Promise<void> {
  const isSilent = silence(path, patience.longestSilence)
  for (;;) {
    try {
      return await symlink(JSON.stringify(me), path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const owner = await ownerOf(path)
    const isDead = owner && (owner.place === me.place ? !(await isAlive(owner)) : await isSilent())
    if (!isDead) {
      const { since, longestWait, longestSilence } = patience
      const isSeen = owner === undefined || owner.place === me.place
      const wait = isSeen ? longestWait : Math.max(longestWait, longestSilence + 2 * touchEvery)
      if (performance.now() - since > wait) throw busy(path, owner)
      await delay(pause)
      continue
    }
    // Of those who saw this owner dead only the holder of its claim may put itself in its place;
    // a claim is taken over from the dead in the same way.
    const claim = `${path}.${owner.id}`
    await acquire(claim, me, patience)
    if ((await ownerOf(path))?.id === owner.id) return rename(claim, path)
    await rm(claim, { force: true })
  }
}

/** Whether nobody has made or touched a lock for a while. Two clocks may differ, so it is watched for that long. */
function silence(path: string, milliseconds: number): () => Promise<boolean> {
  let seen = { touched: '', since: 0 }
  return async () => {
    const touched = await lstat(path, { bigint: true }).then(
      ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
      () => '',
    )
    if (touched !== seen.touched) seen = { touched, since: performance.now() }
    return touched !== '' && performance.now() - seen.since > milliseconds
  }
}

/** Undefined when there is none any more. Throws `CERT_WRITE_FAILED` for what is no lock: it may be a trap. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    const owner: Partial<Owner> = JSON.parse(await readlink(path))
    if (/^[\w-]{1,100}$/.test(owner.id ?? '') && Number.isInteger(owner.pid) && Number(owner.pid) > 0)
      return owner as Owner
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
  }
  throw new MtlsError('CERT_WRITE_FAILED', `${path} is not a lock of this program`, {
    hint: `Look what it is, and remove it.`,
  })
}

function busy(path: string, owner: Owner | undefined): MtlsError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'somebody'
  return new MtlsError('CERT_WRITE_FAILED', `${path}: ${who} is writing there`, {
    hint: 'Wait until it is done; if there is no such process any more, remove that file.',
  })
}

function lost(path: string): MtlsError {
  return new MtlsError(
    'CERT_WRITE_FAILED',
    `${path}: this process stood still for so long that its lock was taken over`,
    {
      hint: 'Nothing was changed. Run the command again.',
    },
  )
}

/** Whether a process of the same place lives. */
async function isAlive({ pid, start }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const now = await startOf(pid)
  return start === undefined || now === start
}

/** Process numbers mean something within one start of one machine, and there within one container. */
async function placeOfProcesses(): Promise<string> {
  try {
    return `${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
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
