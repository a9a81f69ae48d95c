import { resolve } from 'node:path'
import { z } from 'zod'
import { report } from './problems.js'
import { isOptions } from './right-call.js'
import { path } from './values.js'

/** The policy of `--allow ID`: these identities may use everything, and nobody else anything. */
export class AllowOnly {
  constructor(readonly ids: readonly string[]) {}
}

const policyMessage = 'a policy is the path of a file, or an object: { rules: […] }'

/**
 * A path, made absolute, or what a file would hold, as a copy: it is the program's, which may go on changing it. Whether it is a
 * policy is said where it is loaded.
 */
export const policySchema = z
  .custom<string | object>((value) => typeof value === 'string' || isOptions(value), policyMessage)
  .transform((value, context): string | object => {
    if (value instanceof AllowOnly) return value
    if (typeof value !== 'string') return copyOf(value, context)
    const read = path.safeParse(value)
    if (read.success) return resolve(read.data)
    report(context, [], read.error.issues.map(({ message }) => message).join(', '))
    return z.NEVER
  })

function copyOf(policy: object, context: z.RefinementCtx): object {
  try {
    return structuredClone(policy)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    report(context, [], `a policy holds plain values: ${why}`, 'POLICY_INVALID')
    return z.NEVER
  }
}
