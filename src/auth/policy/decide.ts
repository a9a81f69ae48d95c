import type { CallTarget } from '../call.js'
import { type ArgumentsView, argumentsView } from './arguments.js'
import type { Condition, ConditionInput, Verdict } from './condition.js'
import { isTemplate } from './matcher.js'
import { methodsWithTarget, openMethods } from './methods.js'
import { indexOf, type NameKind } from './policy-index.js'
import type { Policy, Rule } from './rule.js'
import type { PolicySubject } from './subject.js'

/** A call, as far as a policy judges it. */
export interface PolicyRequest {
  /** The same object for as long as its connection lives: what it matches is found once. */
  readonly subject: PolicySubject
  readonly server: string
  readonly method: string
  readonly target: CallTarget
  readonly arguments: unknown
  /** The IP address that it comes from; empty when unknown. */
  readonly address: string
  readonly now: Date
}

export type DecisionReason =
  | 'allowed'
  | 'denied'
  /** No rule names this caller and what it asks for. */
  | 'no_rule'
  /** A rule does, and its condition does not hold, or its arguments cannot be judged: too large, a key twice in another case. */
  | 'condition'
  | 'unverified'
  /** Every verified peer may. */
  | 'open_method'
  /** A request that is not known here, and that no rule names. */
  | 'unknown_method'
  /** It does not say what it asks for, or with control characters; or it names more than 1,000 resources to hear of. */
  | 'malformed'

export interface Decision {
  readonly decision: 'allow' | 'deny'
  readonly reason: DecisionReason
  /** The rule that decided; of several, the first in the file. */
  readonly rule: Rule | undefined
  /** The rules that let it in and have a limit: all of them count. */
  readonly limited: readonly Rule[]
  /** False in `report` mode: the call goes on, whatever was decided. */
  readonly isEnforced: boolean
}

/** What a list shows: something that a caller may use, or may not. */
export type ListedItem =
  | { readonly kind: 'tool' | 'prompt'; readonly name: string }
  /** A resource, or a template. */
  | { readonly kind: 'resource' | 'template'; readonly uri: string }

/** Decides about a call. Pure: a rule that denies comes before all that allow, what no rule allows is denied, order never matters. */
export function decide(policy: Policy, request: PolicyRequest): Decision {
  const { decision, reason, rule, limited = noRules } = judgeRequest(policy, request)
  return { decision, reason, rule, limited, isEnforced: policy.mode === 'enforce' }
}

/**
 * Whether a list shows this to the caller: whether it may be used. A condition that reads what only a call has (arguments) may hold; so a
 * rule that allows with one shows, and one that denies hides nothing. In `report` mode lists are whole.
 */
export function mayUse(
  policy: Policy,
  caller: Pick<PolicyRequest, 'subject' | 'server' | 'address' | 'now'>,
  item: ListedItem,
): boolean {
  if (policy.mode === 'report') return true
  const isUri = 'uri' in item
  const target: CallTarget = isUri ? { kind: 'resource', uri: item.uri } : item
  const method = isUri ? 'resources/read' : item.kind === 'tool' ? 'tools/call' : 'prompts/get'
  const request = { ...caller, method, target, arguments: undefined }
  const name = isUri ? item.uri : item.name
  if (isUnreadable(name)) return false
  return judge(policy, request, kindsOf[item.kind], name, true).decision === 'allow'
}

interface Judgement extends Pick<Decision, 'decision' | 'reason'> {
  readonly rule?: Rule | undefined
  readonly limited?: readonly Rule[]
}

const noRules: readonly Rule[] = Object.freeze([])
const kindsOf = { tool: 'tools', prompt: 'prompts', resource: 'resources', template: 'templates' } as const
const malformed: Judgement = { decision: 'deny', reason: 'malformed' }

function judgeRequest(policy: Policy, request: PolicyRequest): Judgement {
  const { subject, method, target } = request
  const isOpen = openMethods.includes(method)
  if (!subject.verified)
    return isOpen ? { decision: 'allow', reason: 'open_method' } : { decision: 'deny', reason: 'unverified' }
  const targets = Object.hasOwn(methodsWithTarget, method) ? methodsWithTarget[method] : undefined
  if (targets !== undefined && !targets.includes(target.kind)) return malformed
  switch (targets === undefined ? 'method' : target.kind) {
    case 'subscription':
      return judgeSubscription(policy, request, target.kind === 'subscription' ? target.uris : [])
    case 'method':
      return judgeMethod(policy, request, isOpen)
    default: {
      const named = namedBy(request)
      return named === undefined ? malformed : judge(policy, request, named.kind, named.name, false)
    }
  }
}

/** What a request names: the kind of list that rules have it in, and its name. Undefined where that cannot be said. */
export function namedBy({
  method,
  target,
}: Pick<PolicyRequest, 'method' | 'target'>): { readonly kind: NameKind; readonly name: string } | undefined {
  if (target.kind === 'subscription') return undefined
  const name = 'name' in target ? target.name : 'uri' in target ? target.uri : method
  // Programs in C read a name up to its first null, parsers of URLs drop line ends: no rule may be asked for another name.
  if (isUnreadable(name)) return undefined
  if (target.kind === 'method') return { kind: 'methods', name }
  const isOfTemplate = method === 'completion/complete' && target.kind === 'resource' && isTemplate(name)
  return { kind: isOfTemplate ? 'templates' : kindsOf[target.kind], name }
}

/** No name is as long as this, and each pattern would look at all of it; escaped control characters count where URIs are read. */
const longestName = 8192

function isUnreadable(name: string): boolean {
  return name.length > longestName || /\p{Cc}|%(?:[01][\da-f]|7f)/iu.test(name)
}

function judgeMethod(policy: Policy, request: PolicyRequest, isOpen: boolean): Judgement {
  const { method } = request
  if (isUnreadable(method)) return malformed
  const judged = judge(policy, request, 'methods', method, false)
  if (judged.reason === 'denied') return judged
  if (isOpen) return { decision: 'allow', reason: 'open_method' }
  const isKnown = judged.decision === 'allow' || indexOf(policy).namesMethod(method)
  return isKnown ? judged : { decision: 'deny', reason: 'unknown_method' }
}

/** The subscription to one of the resources that a stream names. */
export function subscriptionTo(uri: string, request: PolicyRequest): PolicyRequest {
  return { ...request, method: 'resources/subscribe', target: { kind: 'resource', uri } }
}

/** Resources of one stream: each is judged by all rules, while nobody else is. */
const mostSubscribed = 1000

/** All resources that a stream names, or none: the first that is denied decides. */
function judgeSubscription(policy: Policy, request: PolicyRequest, uris: readonly string[]): Judgement {
  if (uris.length > mostSubscribed) return malformed
  const judged: Judgement[] = []
  for (const uri of uris) {
    const each = judgeRequest(policy, subscriptionTo(uri, request))
    if (each.decision === 'deny') return each
    judged.push(each)
  }
  const [first = { decision: 'allow', reason: 'open_method' } as const] = judged
  return { ...first, limited: [...new Set(judged.flatMap(({ limited = [] }) => limited))] }
}

function judge(
  policy: Policy,
  request: PolicyRequest,
  kind: NameKind,
  name: string,
  isListed: boolean,
): Judgement {
  if (!request.subject.verified) return { decision: 'deny', reason: 'unverified' }
  const rules = indexOf(policy).fitting(request.subject, request.server, kind, name)
  const conditions = new Conditions(request, isListed, kind)
  const denying = rules.find((rule) => rule.effect === 'deny' && conditions.applies(rule))
  if (denying !== undefined) return { decision: 'deny', reason: 'denied', rule: denying }
  const allowing = rules.filter(({ effect }) => effect === 'allow')
  const [first] = allowing
  if (first === undefined) return { decision: 'deny', reason: 'no_rule' }
  const unread = allowing.find((rule) => conditions.cannotRead(rule))
  if (unread !== undefined) return { decision: 'deny', reason: 'condition', rule: unread }
  const rule = allowing.find((rule) => conditions.applies(rule))
  if (rule === undefined) return { decision: 'deny', reason: 'condition', rule: first }
  const limited = isListed
    ? noRules
    : allowing.filter((each) => each.limit !== undefined && conditions.applies(each))
  return { decision: 'allow', reason: 'allowed', rule, limited }
}

/** Steps of a loop times what each may look at: some tens of milliseconds. */
const mostLoopWork = 4_000_000

/** The conditions of rules, judged over one request, each once. */
export class Conditions {
  readonly #request: PolicyRequest
  readonly #isListed: boolean
  readonly #isOfTemplate: boolean
  readonly #judged = new Map<Rule, Verdict>()
  #input: ConditionInput | undefined
  #view: ArgumentsView | undefined

  constructor(request: PolicyRequest, isListed: boolean, kind: NameKind) {
    this.#request = request
    this.#isListed = isListed
    this.#isOfTemplate = kind === 'templates'
  }

  /** Whether a rule that fits applies: an allow when its condition holds, a deny unless it is false. */
  applies(rule: Rule): boolean {
    const { condition, effect } = rule
    if (condition === undefined) return true
    if (this.#isLeftOpen(condition)) return effect === 'allow'
    const verdict = this.verdict(rule)
    return effect === 'allow' ? verdict === true : verdict !== false
  }

  verdict(rule: Rule): Verdict {
    const { condition } = rule
    if (condition === undefined) return true
    const known = this.#judged.get(rule)
    if (known !== undefined) return known
    const verdict = this.cannotRead(rule) ? { failed: unreadable } : condition.judge(this.#inputOf())
    this.#judged.set(rule, verdict)
    return verdict
  }

  /** Whether its condition reads arguments that are too large to be looked at, or that others may read in another way. */
  cannotRead({ condition }: Rule): boolean {
    if (condition === undefined || !condition.readsArguments || this.#isListed) return false
    const { isTooLarge, isAmbiguous, longest, weight } = this.#arguments()
    const steps = Math.max(longest, this.#request.subject.subjectAltNames.length)
    return isTooLarge || isAmbiguous || (condition.readsArgumentsInLoop && steps * weight > mostLoopWork)
  }

  /** At a list, whether only a call can say: what it reads is not there yet. */
  #isLeftOpen({ readsArguments, readsResourceUri }: Condition): boolean {
    return this.#isListed && (readsArguments || (this.#isOfTemplate && readsResourceUri))
  }

  #arguments(): ArgumentsView {
    const { method, arguments: raw } = this.#request
    this.#view ??= argumentsView(method === 'tools/call' ? raw : undefined)
    return this.#view
  }

  #inputOf(): ConditionInput {
    const { subject, address, server, method, target, now } = this.#request
    this.#input ??= {
      subject,
      address,
      server,
      method,
      tool: target.kind === 'tool' ? target.name : '',
      arguments: this.#arguments(),
      resource: target.kind === 'resource' ? target.uri : '',
      prompt: target.kind === 'prompt' ? target.name : '',
      now,
    }
    return this.#input
  }
}

const unreadable =
  'the arguments hold a list or map of more than 10,000 elements, a number larger than any, too much for its loop, or a key twice, in another case'
