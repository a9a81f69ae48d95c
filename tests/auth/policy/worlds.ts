import { subjectNamed } from '../../../src/auth/policy/asked.js'
import type { Decision, PolicyRequest } from '../../../src/auth/policy/decide.js'
import { readPolicy, requirePolicy } from '../../../src/auth/policy/read.js'
import type { Policy } from '../../../src/auth/policy/rule.js'
import type { PolicySubject } from '../../../src/auth/policy/subject.js'

/** A policy of these rules. */
export async function policyOf(rules: unknown, mode = 'enforce'): Promise<Policy> {
  return requirePolicy(await readPolicy({ mode, rules }), 'test')
}

/** A verified caller with these names; `unverified` alone is one that is not. */
export function callerNamed(...names: string[]): PolicySubject {
  const read = subjectNamed(names)
  if (!('value' in read)) throw new Error(read.message)
  return read.value
}

export const now = new Date('2026-03-04T05:06:07Z')

/** A call of a tool of the server `s`, unless it says otherwise. */
export function toolCall(
  subject: PolicySubject,
  name: string,
  changes: Partial<PolicyRequest> = {},
): PolicyRequest {
  return {
    subject,
    server: 's',
    method: 'tools/call',
    target: { kind: 'tool', name },
    arguments: {},
    address: '10.0.0.1',
    now,
    ...changes,
  }
}

/** `allow allowed a`: what was decided, why, and by which rule. */
export function told({ decision, reason, rule }: Decision): string {
  return `${decision} ${reason} ${rule?.name ?? '-'}`
}
