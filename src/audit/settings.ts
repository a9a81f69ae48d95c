import { MtlsError } from '../errors.js'

/** When a checkpoint is made: after so many lines, after so much time with lines in it, or both. */
export interface CheckpointEvery {
  readonly lines?: number
  readonly ms?: number
}

export const defaultCheckpoint: CheckpointEvery = Object.freeze({ lines: 1000, ms: 60_000 })
export const defaultMaxBytes = 100 * 1024 * 1024
export const defaultOnFailure = 'continue'

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** A moment, or how long ago: `2026-01-31`, `2026-01-31T12:00:00Z`, `90m`. Throws `CONFIG_INVALID`. */
export function parseSince(text: string, now: Date): Date {
  const [, number, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = unit === 'd' ? 24 * units.h : units[unit as keyof typeof units]
  const isTime = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const since = number ? new Date(now.getTime() - Number(number) * ms) : new Date(isTime ? text : Number.NaN)
  if (!Number.isNaN(since.getTime())) return since
  throw invalid(`"${text}" is no time`, 'Write a moment (2026-01-31T12:00:00Z) or how long ago (90m).')
}

function invalid(message: string, hint: string): MtlsError {
  return new MtlsError('CONFIG_INVALID', message, { hint })
}
