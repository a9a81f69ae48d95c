import {
  Conditions,
  type DecisionReason,
  decide,
  namedBy,
  type PolicyRequest,
  subscriptionTo,
} from './decide.js'
import { isBare, isNamed } from './identity-entry.js'
import { matcherOf } from './matcher.js'
import type { NameKind } from './policy-index.js'
import { printLimit } from './print.js'
import type { Policy, Rule } from './rule.js'

/** A decision with its reasons, as `policy explain --json` prints it. */
export interface Explanation {
  readonly decision: 'allow' | 'deny'
  /** Of the rule that decided; null where none did. */
  readonly rule: string | null
  readonly line: number | null
  readonly reason: DecisionReason
  /** Every name of the caller that counts, written as in a policy. */
  readonly identity: readonly string[]
  /** Of the rule that decided, as in a policy. */
  readonly limit: Readonly<Record<string, unknown>> | null
  /** The rules that did not decide, in the order of the file; one whose condition kept it from deciding is among them. */
  readonly considered: readonly Considered[]
}

export interface Considered {
  readonly rule: string
  readonly line: number | null
  /** Whether it is about this call. */
  readonly fits: boolean
  readonly because: string
}

/** Explains a decision. Pure; decides as `decide` does. */
export function explain(policy: Policy, request: PolicyRequest): Explanation {
  const { decision, reason, rule } = decide(policy, request)
  const single = singleOf(policy, request)
  return {
    decision,
    rule: rule?.name ?? null,
    line: rule?.line ?? null,
    reason,
    identity: request.subject.names,
    limit: rule?.limit === undefined ? null : printLimit(rule.limit),
    considered: policy.rules
      .filter((each) => each !== rule || reason === 'condition')
      .map((each) => {
        const misfit = misfitOf(each, single)
        const because = misfit ?? 'another rule decided: one that denies, or the first in the file'
        return { rule: each.name, line: each.line, fits: misfit === undefined, because }
      }),
  }
}

/** Why a rule is not about a call; undefined when it is. */
function misfitOf(rule: Rule, request: PolicyRequest): string | undefined {
  const { subject, server } = request
  const { effect, identities, servers } = rule
  const named = namedBy(request)
  if (!subject.verified) return 'the caller is not verified'
  if (named === undefined) return 'the call does not say what it asks for'
  if (!identities.some((entry) => isNamed(entry, subject, effect))) {
    const isCaMissing = identities.some((entry) => isBare(entry) && isNamed(entry, subject, 'deny'))
    return isCaMissing
      ? 'trust domains are bound, and it does not name the CA'
      : 'it does not name this caller'
  }
  if (servers?.some((text) => matcherOf(text, 'servers', effect).matches(server)) === false)
    return `it is not about the server ${JSON.stringify(server)}`
  return misfitOfTarget(rule, named) ?? misfitOfCondition(rule, request, named.kind)
}

/** Of a stream for changes of several resources, the subscription that decides. */
function singleOf(policy: Policy, request: PolicyRequest): PolicyRequest {
  const { target } = request
  if (target.kind !== 'subscription') return request
  const each = target.uris.map((uri) => subscriptionTo(uri, request))
  return each.find((one) => decide(policy, one).decision === 'deny') ?? each[0] ?? request
}

function misfitOfTarget(rule: Rule, { kind, name }: { kind: NameKind; name: string }): string | undefined {
  if (kind === 'servers') return undefined
  const list = kind === 'templates' ? 'resources' : kind
  const texts = rule.targets[list]
  if (texts === undefined) return `it names no ${list}`
  const fits = texts.some((text) => {
    const { matches, matchesTemplate } = matcherOf(text, list, rule.effect)
    return kind === 'templates' ? matchesTemplate(name) : matches(name)
  })
  return fits ? undefined : `none of its ${list} fits ${JSON.stringify(name)}`
}

function misfitOfCondition(rule: Rule, request: PolicyRequest, kind: NameKind): string | undefined {
  const conditions = new Conditions(request, false, kind)
  if (conditions.applies(rule)) return undefined
  const verdict = conditions.verdict(rule)
  return typeof verdict === 'object'
    ? `its condition failed: ${verdict.failed}`
    : 'its condition does not hold'
}
