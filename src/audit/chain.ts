import { hash } from 'node:crypto'

/** What is before the first line of a record. */
export const noLine = '0'.repeat(64)

/** The last line of a record, as far as the next one needs it. */
export interface End {
  /** Number of the line; 0 before the first. */
  readonly seq: number
  /** Lower-case hex SHA-256 of the line, without its line end. */
  readonly hash: string
  readonly time: string
}

export const beginning: End = { seq: 0, hash: noLine, time: '' }

/** A line that has no place in a record yet. */
export interface Entry {
  readonly time: string
  /** JSON members, from `"event":` on. */
  readonly members: string
}

export interface Linked {
  /** Without line end. */
  readonly line: string
  readonly end: End
}

/** Gives an entry its number and binds it to the line before. */
export function link({ time, members }: Entry, { seq, hash: prev }: End): Linked {
  const line = `{"time":"${time}","seq":${seq + 1},${members},"prev":"${prev}"}`
  return { line, end: { seq: seq + 1, hash: hashOf(line), time } }
}

export function hashOf(line: string | Uint8Array): string {
  return hash('sha256', line)
}

/** A line as read back: at least what binds it. */
export interface RecordLine {
  readonly time: string
  readonly seq: number
  readonly event: string
  readonly prev: string
  readonly [field: string]: unknown
}

/** The longest line that a record holds, in bytes; all texts in it are cut. */
export const longestLine = 256 * 1024

/** What a line says; undefined for what is no line of a record. Never throws. */
export function readLine(line: string): RecordLine | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return undefined
    const { time, seq, event, prev } = value as Partial<RecordLine>
    const isOne =
      typeof time === 'string' &&
      Number.isSafeInteger(seq) &&
      typeof event === 'string' &&
      typeof prev === 'string' &&
      /^[\da-f]{64}$/.test(prev)
    return isOne ? (value as RecordLine) : undefined
  } catch {
    return undefined
  }
}
