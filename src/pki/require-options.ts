import { MtlsError } from '../errors.js'

// Callers in JavaScript have no types: a wrong kind of argument is one sentence, not a TypeError from the depths, and a
// misspelt option is not the same as none (`dryrun: true` must not renew).

/** What a value may be; `words` end the sentence "NAME: expected …". */
export interface Kind {
  readonly words: string
  readonly fits: (value: unknown) => boolean
  readonly isRequired?: true
}

/** A row for each option; `satisfies OptionKinds<Options>` holds a table to its interface. */
export type OptionKinds<Options> = { readonly [Name in keyof Options]-?: Kind }

/** Throws one `CONFIG_INVALID` with the right call that lists every option that is unknown, missing or of a wrong kind. */
export function requireOptions(options: unknown, kinds: Readonly<Record<string, Kind>>, call: string): void {
  requireArguments(isObject(options), 'an object', call)
  const given = options as Readonly<Record<string, unknown>>
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(kinds, name))
  const problems = [
    ...unknown.map((name) => `${name} is no option: known are ${Object.keys(kinds).join(', ')}`),
    ...Object.entries(kinds).flatMap(([name, { fits, words, isRequired }]) => {
      const value = given[name]
      if (value === undefined) return isRequired ? [`${name} is required (string)`] : []
      return fits(value) ? [] : [`${name}: expected ${words}`]
    }),
  ]
  if (problems.length > 0) throw new MtlsError('CONFIG_INVALID', `${problems.join('; ')}: ${call}`)
}

/** The same for arguments that the caller looked at itself; `what` the function takes, in words. */
export function requireArguments(fine: boolean, what: string, call: string): void {
  const name = call.slice(0, call.indexOf('('))
  if (!fine) throw new MtlsError('CONFIG_INVALID', `${name} takes ${what}: ${call}`)
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
