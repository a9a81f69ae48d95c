import { z } from 'zod'
import { count, milliseconds } from './values.js'

// The kinds of values that only the record of calls has. Each message says what is allowed.

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** `1000,60s`, `1000`, or `60s`; undefined when it is none of these. */
function checkpointIn(text: string): { lines?: number; ms?: number } | undefined {
  const every: { lines?: number; ms?: number } = {}
  for (const part of text.split(',')) {
    const [, number = '', unit] = /^\s*(\d{1,9})(ms|s|m|h)?\s*$/.exec(part) ?? []
    const name = unit === undefined ? 'lines' : 'ms'
    if (number === '' || every[name] !== undefined) return undefined
    every[name] = Number(number) * (unit === undefined ? 1 : units[unit as keyof typeof units])
  }
  return every
}

const checkpointMessage = 'allowed are a number of lines, a time, or both: 1000,60s'
const every = z
  .strictObject({ lines: count.optional(), ms: milliseconds(1).optional() })
  .refine(({ lines, ms }) => lines !== undefined || ms !== undefined)

/** When a checkpoint is made: after so many lines, after so many milliseconds, or both. */
export const checkpoint = z
  .custom<string | { readonly lines?: number | undefined; readonly ms?: number | undefined }>()
  .transform((value, context): { readonly lines?: number; readonly ms?: number } => {
    const read = every.safeParse(typeof value === 'string' ? checkpointIn(value) : value)
    if (read.success) return withoutUndefined(read.data)
    context.addIssue({ code: 'custom', message: checkpointMessage, input: value })
    return z.NEVER
  })

const sizes = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const
/** Room for the lines around a rotation, and some between. */
const leastBytes = 4096

/** `1048576`, `512k`, `100m`, `100MiB`, `1g`; NaN when it is none of these. */
function bytesIn(text: string): number {
  const [, number, unit = ''] = /^\s*(\d{1,12})\s*(?:([kmg])(?:i?b)?)?\s*$/i.exec(text) ?? []
  return Number(number) * sizes[unit.toLowerCase() as keyof typeof sizes]
}

const sizeMessage = `allowed are sizes from ${leastBytes} bytes: 1048576, 512k, 100MiB`

/** The size of a file of the record, in bytes. */
export const recordSize = z
  .union([z.number(), z.string()], { error: sizeMessage })
  .transform((value, context) => {
    const bytes = typeof value === 'string' ? bytesIn(value) : value
    if (Number.isSafeInteger(bytes) && bytes >= leastBytes) return bytes
    context.addIssue({ code: 'custom', message: sizeMessage, input: value })
    return z.NEVER
  })

const keysMessage = 'allowed are keys between commas: password,token'

/** Keys of arguments. An empty one is a slip, and the key that was meant would be recorded. */
export const keysText = z
  .string()
  .transform((value) => value.split(',').map((key) => key.trim()))
  .refine((keys) => !keys.includes(''), keysMessage)

function withoutUndefined<Value extends object>(value: Value) {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined))
}
