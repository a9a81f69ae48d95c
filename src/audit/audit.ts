import type { KeyObject } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MtlsError } from '../errors.js'
import { type HeldLock, holdLock } from '../files/lock.js'
import { auditFailure } from './failure.js'
import { hmacSha256 } from './hmac.js'
import { discardKeys, keysOfRecord, loadKeys, passingHmacKey, type RecordKeys } from './keys.js'
import {
  type ArgumentsInLines,
  type CallEnd,
  type CallStart,
  callEntry,
  intentEntry,
  refusedEntry,
} from './line.js'
import type { AuditHealth, AuditNews } from './news.js'
import { verifierKey } from './note.js'
import { type Disk, RecordFile } from './record-file.js'
import { RefusalCounts } from './refusals.js'
import { type CheckpointEvery, defaultCheckpoint, defaultMaxBytes, defaultOnFailure } from './settings.js'
import { secretKeys, usualSecrets } from './shown-arguments.js'
import { type AuditSubscriber, StandardOutputSink, SubscriberSink } from './streams.js'
import { Writer } from './writer.js'

export interface AuditOptions {
  /** Path of a file, `-` for standard output, or a function that gets each line. */
  readonly sink: string | AuditSubscriber
  /** Whether calls go on while they cannot be recorded; default `continue`. */
  readonly onFailure?: 'continue' | 'deny'
  /** Whether arguments are recorded themselves, beside their HMAC; default false. */
  readonly arguments?: boolean
  /** Keys of arguments, at any depth and in any case, whose values are left out; by default `usualSecrets`. */
  readonly redact?: readonly string[]
  /** Default: every 1000 lines and every 60 s in which there is one. */
  readonly checkpoint?: CheckpointEvery
  /** Size at which a file ends and the next begins, bytes; default 100 MiB. */
  readonly maxBytes?: number
  /** Path of a private Ed25519 key in PEM. Default: `FILE.key`, which is made; without a file there are no checkpoints then. */
  readonly key?: string
  /** Receives what an operator should know. */
  readonly tell?: (news: AuditNews) => void
}

/** An open record of calls. */
export interface Audit {
  readonly onFailure: 'continue' | 'deny'
  /** A call has ended. Never throws and never waits. */
  record(call: CallEnd): void
  /**
   * A call is about to run: resolves once that is written. Rejects with `AUDIT_FAILED` within seconds when it
   * cannot be. For `deny`.
   */
  intent(call: CallStart): Promise<void>
  /** A connection or request was refused before anybody was known. `reason` is a code; `address` has no port. */
  refused(address: string | undefined, reason: string, server?: string): void
  health(): AuditHealth
  /** Goes on in the file that is at the path now, as after `logrotate`. */
  reopen(): Promise<void>
  /** Resolves when what was recorded so far is written, or cannot be. */
  drain(): Promise<void>
  /** Writes all, with a checkpoint at the end. Of several that share a record the last one ends it. */
  close(): Promise<void>
}

/** One record, whoever shares it. */
interface Shared {
  readonly writer: Writer
  readonly refusals: RefusalCounts
  readonly how: ArgumentsInLines
  readonly options: string
  readonly isInPlace: () => Promise<boolean>
  readonly end: () => Promise<void>
  users: number
}

/** The records that this process writes, by path. */
const records = new Map<string, Promise<Shared>>()

/**
 * Opens a record of calls. Servers of one process that name one path share it. Rejects with `AUDIT_FAILED` when it cannot
 * be written, or another process writes it; `AUDIT_TAMPERED` for a file whose end is no record; `CONFIG_INVALID`,
 * `KEY_MISMATCH` for its keys, and when the path is open with other options.
 */
export async function openAudit(options: AuditOptions, disk?: Disk): Promise<Audit> {
  const { sink, onFailure = defaultOnFailure } = options
  const id = typeof sink === 'string' ? await idOf(sink) : undefined
  const shared = id === undefined ? await openShared(options, id, disk) : await share(id, options, disk)
  let closing: Promise<void> | undefined
  const close = async () => {
    shared.refusals.flush()
    if (--shared.users > 0) await shared.writer.drain()
    else await shared.end()
  }
  return {
    onFailure,
    record: (call) => {
      const now = new Date()
      shared.writer.add(() => callEntry(call, shared.how, now))
    },
    intent: (call) => shared.writer.intent(intentEntry(call, shared.how, new Date())),
    refused: (address, reason, server) => shared.refusals.add(address, reason, server),
    health: () => shared.writer.health,
    reopen: () => shared.writer.reopen(shared.isInPlace),
    drain: async () => {
      shared.refusals.flush()
      await shared.writer.drain()
    },
    close: () => (closing ??= close()),
  }
}

/** A path without links in its directories, so that two names of one file are one. */
async function idOf(sink: string): Promise<string> {
  if (sink === '-') return sink
  try {
    return join(await realpath(dirname(sink)), basename(sink))
  } catch (error) {
    throw auditFailure(error, sink)
  }
}

async function share(id: string, options: AuditOptions, disk: Disk | undefined): Promise<Shared> {
  for (let open = records.get(id); open; open = records.get(id)) {
    const shared = await open.catch(() => undefined)
    if (!shared) continue
    if (shared.options !== textOf(options))
      throw new MtlsError('CONFIG_INVALID', `${id} is open with other settings of the audit record`, {
        hint: 'Give all servers that share a record the same settings.',
      })
    if (shared.users === 0) {
      await shared.end() // it is closing
      continue
    }
    shared.users++
    return shared
  }
  const opening = openShared(options, id, disk)
  records.set(id, opening)
  opening.catch(() => records.delete(id))
  return await opening
}

function textOf({ sink: _sink, tell: _tell, onFailure: _each, ...rest }: AuditOptions): string {
  return JSON.stringify(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

async function openShared(
  options: AuditOptions,
  id: string | undefined,
  disk: Disk | undefined,
): Promise<Shared> {
  const { tell = () => {}, checkpoint = defaultCheckpoint } = options
  const { keys, sink, lock, isNew } = await place(options, id, disk)
  try {
    const writer = new Writer(sink, { keys, checkpoint, tell })
    await writer.start()
    if (isNew && keys) tell({ event: 'audit-key-made', path: `${id}.pub`, publicKey: pem(keys.publicKey) })
    const refusals = new RefusalCounts((sum) => writer.addRefusals(refusedEntry(sum, new Date())))
    const isSecret = options.arguments ? secretKeys(options.redact ?? usualSecrets) : undefined
    let ending: Promise<void> | undefined
    const end = async () => {
      await writer.close()
      await lock?.release().catch(() => undefined)
      if (id !== undefined) records.delete(id)
    }
    return {
      writer,
      refusals,
      how: { hmac: hmacSha256(keys?.hmacKey ?? passingHmacKey()), isSecret },
      options: textOf(options),
      isInPlace: () => (sink instanceof RecordFile ? sink.isInPlace() : Promise.resolve(true)),
      end: () => (ending ??= end()),
      users: 1,
    }
  } catch (error) {
    if (isNew && id !== undefined) await discardKeys(id)
    await lock?.release().catch(() => undefined)
    throw error
  }
}

interface Place {
  readonly sink: RecordFile | SubscriberSink | StandardOutputSink
  readonly keys: RecordKeys | undefined
  readonly lock?: HeldLock
  readonly isNew: boolean
}

async function place(
  { sink, key, maxBytes }: AuditOptions,
  id: string | undefined,
  disk: Disk | undefined,
): Promise<Place> {
  if (id === undefined || id === '-') {
    const keys = key === undefined ? undefined : await loadKeys(key)
    const shown = keys ? verifierKey(keys) : null
    return {
      sink: typeof sink === 'function' ? new SubscriberSink(sink, shown) : new StandardOutputSink(shown),
      keys,
      isNew: false,
    }
  }
  const lock = await lockOf(id)
  try {
    const { keys, isNew } = await keysOfRecord(id, key)
    const file = {
      maxBytes: maxBytes ?? defaultMaxBytes,
      publicKey: verifierKey(keys),
      ...(disk && { disk }),
    }
    return { sink: new RecordFile(id, file), keys, lock, isNew }
  } catch (error) {
    await lock.release().catch(() => undefined)
    throw auditFailure(error, id)
  }
}

/** One process writes a record. One that died is no reason to wait, one in another container is waited for until it is silent. */
async function lockOf(path: string): Promise<HeldLock> {
  try {
    return await holdLock(dirname(path), { name: `${basename(path)}.lock`, longestWait: 0 })
  } catch (cause) {
    if (!(cause instanceof MtlsError)) throw auditFailure(cause, path)
    throw new MtlsError('AUDIT_FAILED', `the audit record ${path} has a writer: ${cause.message}`, {
      hint: 'Give each process a record of its own, or end the other one.',
      cause,
    })
  }
}

function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
