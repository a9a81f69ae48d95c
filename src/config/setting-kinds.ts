import { z } from 'zod'
import { choice, count, duration, flag, listenPort, path, text } from './values.js'

/** How the text of a flag or variable becomes a value, and how help calls it. */
export interface Kind<Value> {
  readonly placeholder: string
  readonly schema: z.ZodType<Value, string>
}

const toNumber = (value: string) => (/^\d+$/.test(value.trim()) ? Number(value) : Number.NaN)
const booleans: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

export const booleanText = kind(
  'true|false',
  z
    .string()
    .transform((value) => booleans[value.trim().toLowerCase()])
    .refine((value) => value !== undefined, 'allowed are true, false, 1, 0')
    .pipe(flag),
)
export const portText = kind('port', z.string().transform(toNumber).pipe(listenPort))
export const countText = kind('number', z.string().transform(toNumber).pipe(count))
export const durationText = kind(
  'duration',
  z
    .string()
    .transform((value): string | number => value)
    .pipe(duration),
)
export const plainText = kind('text', text)
/** Kept to the letter: a passphrase may begin or end with a space. */
export const secretText = kind('secret', z.string().min(1, 'may not be empty'))
export const pathText = kind('path', path)
/** Judged beside the settings that say what is allowed. */
export const serverUrlText = kind('url', text)
export const urlText = kind(
  'url',
  text.refine((value) => URL.canParse(value), 'a URL is wanted'),
)
export const listText = kind(
  'a,b,…',
  text.transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
)

export function choiceText<const Values extends readonly [string, ...string[]]>(values: Values) {
  return kind<Values[number]>(values.join('|'), z.string().trim().pipe(choice(values)))
}

function kind<Value>(placeholder: string, schema: z.ZodType<Value, string>): Kind<Value> {
  return { placeholder, schema }
}
