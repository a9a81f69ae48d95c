import { MtlsError } from '../errors.js'

// Callers in JavaScript have no types: a wrong kind of argument is one sentence, not a TypeError from the depths.

/** Throws `CONFIG_INVALID` with the right call unless `options` is an object that has these texts. */
export function requireOptions(options: unknown, call: string, ...texts: readonly string[]): void {
  requireArguments(isObject(options), 'an object', call)
  const absent = texts.find((name) => typeof (options as Record<string, unknown>)[name] !== 'string')
  if (absent) throw new MtlsError('CONFIG_INVALID', `${absent} is required (string): ${call}`)
}

/** The same for arguments that the caller looked at itself; `what` the function takes, in words. */
export function requireArguments(fine: boolean, what: string, call: string): void {
  const name = call.slice(0, call.indexOf('('))
  if (!fine) throw new MtlsError('CONFIG_INVALID', `${name} takes ${what}: ${call}`)
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
