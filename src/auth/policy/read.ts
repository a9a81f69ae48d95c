import { MtlsError } from '../../errors.js'
import { objectDocument, type ReadDocument } from './document.js'
import { PolicyReader } from './policy-reader.js'
import { inOrder, type PolicyProblem, type PolicyWarning, problemText } from './problem.js'
import type { Policy } from './rule.js'

/** What a policy cannot know of itself. */
export interface ReadOptions {
  /** The trust domains that CAs are bound to; undefined when it is not known whether any are. */
  readonly trustDomains?: readonly string[] | undefined
}

export type PolicyReading =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly PolicyWarning[] }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] }

/**
 * Reads a policy: the text of a file (YAML 1.2 or JSON), or a plain object. Every problem is reported at once. Libraries for YAML and
 * for conditions are loaded when the policy needs them. Never rejects for what a policy holds.
 */
export async function readPolicy(source: unknown, options: ReadOptions = {}): Promise<PolicyReading> {
  const { root, problems } = await documentOf(source)
  const reader = new PolicyReader(options.trustDomains)
  const policy = root === undefined ? undefined : await reader.policy(root)
  const all = inOrder([...problems, ...reader.problems])
  if (policy === undefined || all.length > 0) return { ok: false, problems: all }
  return { ok: true, policy, warnings: reader.warnings }
}

/** A policy that cannot be used. */
export class PolicyInvalid extends MtlsError {
  /** Where it is wrong, without any word of it: rules and names of tools are not for everybody. */
  readonly where: string

  constructor(
    where: string,
    message: string,
    [first, ...others]: readonly PolicyProblem[],
    hint: string | undefined,
  ) {
    super('POLICY_INVALID', message, hint === undefined ? {} : { hint })
    const place = first?.line == null ? '' : ` in line ${first.line}, column ${first.column}`
    this.where = `${where}: ${others.length === 0 ? 'a problem' : `${others.length + 1} problems, the first`}${place}; the log says which`
  }
}

/** The policy that was read. Throws `POLICY_INVALID` with every problem; `where` names the file. */
export function requirePolicy(reading: PolicyReading, where: string): Policy {
  if (reading.ok) return reading.policy
  const [first] = reading.problems
  const lines = reading.problems.map(problemText)
  const text =
    lines.length === 1
      ? `${where}: ${lines[0]}`
      : `${where}: ${lines.length} problems\n${lines.map((line) => `  ${line}`).join('\n')}`
  throw new PolicyInvalid(where, text, reading.problems, first?.hint)
}

async function documentOf(source: unknown): Promise<ReadDocument> {
  if (typeof source !== 'string') return objectDocument(source)
  const { yamlDocument } = await import('./yaml-document.js')
  return yamlDocument(source)
}
