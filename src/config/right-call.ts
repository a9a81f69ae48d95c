import { MtlsError } from '../errors.js'

/**
 * Throws `CONFIG_INVALID` with the correct call unless the arguments have the right types: JavaScript does not check
 * them.
 */
export function requireCall(isRight: boolean, rightCall: string): asserts isRight {
  if (isRight) return
  throw new MtlsError('CONFIG_INVALID', `wrong arguments: call it as ${rightCall}`, {
    hint: 'docs/configuration.md, "In code", has every option.',
  })
}

/** Whether a value can be options: an object, but not a list or a URL. */
export function isOptions(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof URL)
}
