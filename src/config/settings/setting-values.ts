import { z } from 'zod'
import { urlIn } from '../../text/url.js'
import { checkpoint, keysText, recordSize } from '../audit-values.js'
import { trustDomainsText } from '../trust-domains.js'
import { choice, count, duration, flag, listenPort, path, text } from '../values.js'
import type { Kind, KindName } from './setting-kinds.js'
import { type Setting, type SettingName, type SettingValues, settingTable } from './setting-table.js'

const toNumber = (value: string) => (/^\d+$/.test(value.trim()) ? Number(value) : Number.NaN)
const booleans: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

/** Parses the text of flags and variables. */
const schemas: Readonly<Record<Exclude<KindName, 'choice'>, z.ZodType<unknown, string>>> = {
  boolean: z
    .string()
    .transform((value) => booleans[value.trim().toLowerCase()])
    .refine((value) => value !== undefined, 'allowed are true, false, 1, 0')
    .pipe(flag),
  port: z.string().transform(toNumber).pipe(listenPort),
  count: z.string().transform(toNumber).pipe(count),
  duration: z
    .string()
    .transform((value): string | number => value)
    .pipe(duration),
  text,
  /** Kept unchanged: a passphrase may begin or end with a space. */
  secret: z.string().min(1, 'may not be empty'),
  path,
  domains: trustDomainsText,
  checkpoint: z
    .string()
    .transform((value): z.input<typeof checkpoint> => value)
    .pipe(checkpoint),
  size: z
    .string()
    .transform((value): string | number => value)
    .pipe(recordSize),
  keys: keysText,
  url: text.refine((value) => urlIn(value) !== undefined, 'a URL is wanted'),
  list: text.transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
}

export function schemaOf({ name, choices = [] }: Kind<unknown>): z.ZodType<unknown, string> {
  return name === 'choice' ? z.string().trim().pipe(choice(choices)) : schemas[name]
}

/** The defaults of the settings. The library's options have the same. */
export function defaultOf<Name extends SettingName>(name: Name): NonNullable<SettingValues[Name]> {
  const { kind, default: standard }: Setting = settingTable[name]
  return schemaOf(kind).parse(standard) as NonNullable<SettingValues[Name]>
}
