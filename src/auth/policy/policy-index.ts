import { isNamed, nameOf } from './identity-entry.js'
import { matcherOf } from './matcher.js'
import { type Policy, type Rule, type TargetKind, targetKinds } from './rule.js'
import type { PolicySubject } from './subject.js'

/** A set of rules: a bit for each, in the order of the file. */
type RuleSet = Uint32Array

/** What is looked up. A template of resources is named by rules about resources, and fits them in another way. */
export type NameKind = TargetKind | 'templates' | 'servers'

/** The rules that have names of one kind: by the name itself where it is whole, and by patterns. */
interface Names {
  readonly whole: Map<string, number[]>
  readonly patterns: { readonly fits: (name: string) => boolean; readonly rule: number }[]
}

/** Sets that are kept. Names come from callers: when there are too many, all are forgotten. */
const mostKept = 20_000
const longestKept = 256

/**
 * Finds the rules that name a caller, a server and a target. Who calls is looked up once for each subject, a name once for all callers: a
 * decision intersects three sets.
 */
export class PolicyIndex {
  readonly #rules: readonly Rule[]
  readonly #subjects = new WeakMap<PolicySubject, RuleSet>()
  readonly #byName = new Map<string, number[]>()
  readonly #otherwise: number[] = []
  readonly #names: Readonly<Record<NameKind, Names>> = {
    servers: names(),
    tools: names(),
    resources: names(),
    templates: names(),
    prompts: names(),
    methods: names(),
  }
  readonly #everyServer: number[] = []
  /** Rules that apply whenever they fit, and of which the first alone matters. */
  readonly #sureDenials: RuleSet
  readonly #sureAllowances: RuleSet
  readonly #kept = new Map<string, RuleSet>()

  constructor({ rules }: Policy) {
    this.#rules = rules
    this.#sureDenials = this.#empty()
    this.#sureAllowances = this.#empty()
    rules.forEach((rule, at) => {
      const { effect, condition, limit } = rule
      if (condition === undefined && limit === undefined)
        add(effect === 'deny' ? this.#sureDenials : this.#sureAllowances, at)
      this.#addIdentities(rule, at)
      if (rule.servers === undefined) this.#everyServer.push(at)
      for (const text of rule.servers ?? []) this.#addName('servers', text, rule, at)
      for (const kind of targetKinds)
        for (const text of rule.targets[kind] ?? []) this.#addName(kind, text, rule, at)
    })
  }

  /**
   * The rules that fit in all but their conditions, in the order of the file; of those that deny without a condition, and of those that
   * allow without condition and limit, the first.
   */
  fitting(subject: PolicySubject, server: string, kind: NameKind, name: string): Rule[] {
    const [callers, servers, targets] = [
      this.#subject(subject),
      this.#set('servers', server),
      this.#set(kind, name),
    ]
    const found: Rule[] = []
    let [isDenied, isAllowed] = [false, false]
    for (let word = 0; word < targets.length; word += 1) {
      let bits = (callers[word] ?? 0) & (servers[word] ?? 0) & (targets[word] ?? 0)
      if (bits === 0) continue
      const denials = bits & (this.#sureDenials[word] ?? 0)
      const allowances = bits & (this.#sureAllowances[word] ?? 0)
      bits ^= denials ^ allowances
      if (!isDenied) bits |= lowest(denials)
      if (!isAllowed) bits |= lowest(allowances)
      isDenied ||= denials !== 0
      isAllowed ||= allowances !== 0
      for (; bits !== 0; bits &= bits - 1) {
        const rule = this.#rules[32 * word + 31 - Math.clz32(lowest(bits))]
        if (rule !== undefined) found.push(rule)
      }
    }
    return found
  }

  /** Whether any rule names this method. */
  namesMethod(method: string): boolean {
    return this.#set('methods', method).some((word) => word !== 0)
  }

  #addIdentities({ identities }: Rule, at: number): void {
    for (const entry of identities) {
      const [first] = entry === 'anyone' ? [] : entry
      const isWhole = first !== undefined && entry.length === 1 && first.pattern === undefined
      if (isWhole) push(this.#byName, nameOf(first), at)
      else this.#otherwise.push(at)
    }
  }

  #addName(kind: TargetKind | 'servers', text: string, rule: Rule, at: number): void {
    const { whole, patterns } = this.#names[kind]
    const { only, matches, matchesTemplate } = matcherOf(text, kind, rule.effect)
    if (only !== undefined) push(whole, only, at)
    else patterns.push({ fits: matches, rule: at })
    if (kind === 'resources') this.#names.templates.patterns.push({ fits: matchesTemplate, rule: at })
  }

  #subject(subject: PolicySubject): RuleSet {
    const known = this.#subjects.get(subject)
    if (known !== undefined) return known
    const possible = [...this.#otherwise, ...subject.names.flatMap((name) => this.#byName.get(name) ?? [])]
    const set = this.#empty()
    for (const at of possible) {
      const rule = this.#rules[at]
      if (rule?.identities.some((entry) => isNamed(entry, subject, rule.effect))) add(set, at)
    }
    this.#subjects.set(subject, set)
    return set
  }

  #set(kind: NameKind, name: string): RuleSet {
    const key = `${kind} ${name}`
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const set = this.#find(kind, name)
    if (this.#kept.size >= mostKept) this.#kept.clear()
    if (name.length <= longestKept) this.#kept.set(key, set)
    return set
  }

  #find(kind: NameKind, name: string): RuleSet {
    const { whole, patterns } = this.#names[kind]
    const set = this.#empty()
    for (const at of whole.get(name) ?? []) add(set, at)
    for (const { fits, rule } of patterns) if (fits(name)) add(set, rule)
    if (kind === 'servers') for (const at of this.#everyServer) add(set, at)
    return set
  }

  #empty(): RuleSet {
    return new Uint32Array(Math.ceil(this.#rules.length / 32))
  }
}

const indexes = new WeakMap<Policy, PolicyIndex>()

/** The index of a policy, made once. */
export function indexOf(policy: Policy): PolicyIndex {
  const known = indexes.get(policy)
  if (known !== undefined) return known
  const made = new PolicyIndex(policy)
  indexes.set(policy, made)
  return made
}

/** The lowest bit that is set, alone. */
function lowest(bits: number): number {
  return bits & -bits
}

function names(): Names {
  return { whole: new Map(), patterns: [] }
}

function push(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

function add(set: RuleSet, at: number): void {
  set[at >> 5] = (set[at >> 5] ?? 0) | (1 << (at & 31))
}
