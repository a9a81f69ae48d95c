import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../config/duration.js'
import type { SettingName } from '../../config/settings/setting-table.js'
import { MtlsError } from '../../errors.js'

// Parses the text of flags that are not settings.

export function numberArgument(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It is not a number.')
  return Number(text)
}

/** Milliseconds, within a lower and an upper limit. */
export function durationArgument(text: string): number {
  const found = parseDuration(text)
  if (found === undefined || found < 500 || found > 3_600_000)
    throw new InvalidArgumentError('Allowed are durations from 500ms to 60m.')
  return found
}

/** For a flag that can be given more than once. */
export function repeatedArgument(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** For a flag of which a second one would silently replace the first. */
export function onceArgument(flag: string): (text: string, before?: string) => string {
  return (text, before) => {
    if (before === undefined) return text
    // Shows neither: a URL may hold a password.
    throw new MtlsError('CONFIG_INVALID', `${flag} can be given once`)
  }
}

/** For commands that connect. */
export function serverIdOption(): Option {
  return new Option(
    '--server-id <id>',
    'the identity the server must have, instead of the name of its host: spiffe://…, or sha256/… of its public key; again for more',
  ).argParser(repeatedArgument)
}

/** For commands that serve. */
export function allowOption(): Option {
  return new Option(
    '--allow <id>',
    'instead of a policy: who may use everything, and nobody else anything: spiffe://…, dns:…, cn:…, anyone; again for more',
  )
    .argParser(repeatedArgument)
    .conflicts('policy' satisfies SettingName)
}

export function withinOption(): Option {
  return new Option(
    '--within <days>',
    'days before an end from which to warn (default: the last 30 of a life, the last tenth of one of 60 days or less)',
  ).argParser(numberArgument)
}
