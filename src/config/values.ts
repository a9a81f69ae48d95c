import { z } from 'zod'
import { isPemText } from '../text/secrets.js'
import { parseDuration } from './duration.js'

// The kinds of values a setting can have. Each message says what is allowed.

// setTimeout overflows past 2^31-1 ms and then fires at once.
const longest = 2 ** 31 - 1

const durationMessage = 'allowed are durations above 0: 500ms, 30s, 5m, or whole milliseconds'

/** A time limit in milliseconds, more than zero. */
export const duration = z
  .union([z.number(), z.string()], { error: durationMessage })
  .transform((value, context) => {
    const time = typeof value === 'string' ? (parseDuration(value) ?? Number.NaN) : value
    if (Number.isInteger(time) && time > 0 && time <= longest) return time
    context.addIssue({ code: 'custom', message: durationMessage, input: value })
    return z.NEVER
  })

/** A time where no text is taken: whole milliseconds from `least`. */
export function milliseconds(least: 0 | 1) {
  const message = `allowed are whole milliseconds from ${least}`
  return z
    .number({ error: message })
    .refine((value) => Number.isInteger(value) && value >= least && value <= longest, message)
}

const portMessage = 'must be a port up to 65535, or 0 for any free one'

/** A port to listen on. */
export const listenPort = z
  .number({ error: portMessage })
  .refine((port) => Number.isInteger(port) && port >= 0 && port <= 65_535, portMessage)

const countMessage = 'allowed are whole numbers above 0'

/** A limit that counts something. */
export const count = z
  .number({ error: countMessage })
  .refine((value) => Number.isSafeInteger(value) && value > 0, countMessage)

/** Text that is not empty: a path, a name, a host. */
export const text = z.string({ error: 'text is wanted' }).trim().min(1, 'may not be empty')

/** A file path. An invalid value is not shown: it may be a key. */
export const path = text.refine(
  (value) => !isPemText(value) && !/[\n\r]/.test(value),
  'the path of a file is wanted, and this is a text of several lines: put it into a file and name that',
)

export const flag = z.boolean({ error: 'allowed are true and false' })

export function choice<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, { error: `allowed are ${values.join(', ')}` })
}
