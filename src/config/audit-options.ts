import { resolve } from 'node:path'
import { z } from 'zod'
import { checkpoint, recordSize } from './audit-values.js'
import type { ShapeOf } from './option-shape.js'
import { onFailureChoices } from './settings/choices.js'
import { defaultOf } from './settings/setting-values.js'
import { choice, flag, path, text } from './values.js'

/**
 * Gets each line of a record: its fields, and the text that the next line's `prev` is the hash of. What it throws or
 * rejects with counts as a line that was lost.
 */
export type AuditReceiver = (record: Readonly<Record<string, unknown>>, line: string) => unknown

/** How calls are recorded. */
export interface AuditLogOptions {
  /** What happens to calls that cannot be recorded: they run (`continue`, default), or are answered `AUDIT_FAILED` (`deny`). */
  readonly onFailure?: 'continue' | 'deny' | undefined
  /** Whether arguments are recorded themselves, beside their HMAC; default `false`. */
  readonly arguments?: boolean | undefined
  /**
   * Keys of arguments whose values are left out, at any depth, in any case; default the usual names of passwords, PINs,
   * tokens and keys, which a list replaces.
   */
  readonly redact?: readonly string[] | undefined
  /**
   * When a signed checkpoint is made: after so many lines, after so many milliseconds in which there were some, or both.
   * Or text, `1000,60s`, which is the default.
   */
  readonly checkpoint?:
    | string
    | { readonly lines?: number | undefined; readonly ms?: number | undefined }
    | undefined
  /** Size at which a file ends and the next begins: bytes, or text: `512k`, `100MiB`. At least 4096; default 104857600 (100 MiB). */
  readonly maxBytes?: number | string | undefined
  /** File with the private Ed25519 key (PEM) that signs checkpoints; default the record's path and `.key`, which is made. */
  readonly key?: string | undefined
}

const optionsMessage = "options are wanted: { onFailure: 'deny' }"

export const auditOptionsSchema = z.strictObject(
  {
    onFailure: choice(onFailureChoices).default(defaultOf('auditOnFailure')),
    arguments: flag.default(defaultOf('auditArguments')),
    redact: z.array(text, { error: "lists are wanted: ['password', 'token']" }).optional(),
    checkpoint: checkpoint.default(defaultOf('auditCheckpoint')),
    maxBytes: recordSize.default(defaultOf('auditMaxBytes')),
    key: path.optional(),
  } satisfies ShapeOf<AuditLogOptions>,
  { error: ({ code }) => (code === 'unrecognized_keys' ? undefined : optionsMessage) },
)

const sinkMessage = "where calls are recorded is the path of a file, '-' for standard output, or a function"

export const auditLogSchema = z.union(
  [path, z.custom<AuditReceiver>((value) => typeof value === 'function')],
  { error: sinkMessage },
)

/** A record of calls: where it goes, and how. Paths are absolute. */
export interface AuditConfig {
  /** Path of a file, `-` for standard output, or a function that gets each line. */
  readonly sink: string | AuditReceiver
  readonly onFailure: 'continue' | 'deny'
  readonly arguments: boolean
  /** By default the usual names of secrets. */
  readonly redact?: readonly string[]
  readonly checkpoint: { readonly lines?: number; readonly ms?: number }
  /** Bytes. */
  readonly maxBytes: number
  readonly key?: string
}

/** Undefined where nothing is recorded. */
export function auditConfig(
  sink: z.output<typeof auditLogSchema> | undefined,
  options: z.output<typeof auditOptionsSchema> = auditOptionsSchema.parse({}),
): AuditConfig | undefined {
  if (sink === undefined) return undefined
  const { redact, key, ...others } = options
  return {
    ...others,
    sink: typeof sink === 'string' ? placeOfRecord(sink, resolve) : sink,
    ...(redact !== undefined && { redact }),
    ...(key !== undefined && { key: resolve(key) }),
  }
}

/** `-` is standard output, and no path. */
export function placeOfRecord(sink: string, absolute: (path: string) => string): string {
  return sink === '-' ? sink : absolute(sink)
}
