import { MtlsError } from '../errors.js'

/** Throws `CONFIG_INVALID` with the right call unless the arguments are of its kinds: JavaScript does not refuse others. */
export function requireCall(isRight: boolean, rightCall: string): asserts isRight {
  if (isRight) return
  throw new MtlsError('CONFIG_INVALID', `wrong arguments: call it as ${rightCall}`, {
    hint: 'docs/configuration.md, "In code", has every option.',
  })
}

/** Whether a value can be options: an object, and not a list or a URL. */
export function isOptions(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof URL)
}
