import type { DocumentNode } from './document.js'
import {
  entryOf,
  type IdentityEntry,
  identityIn,
  identityKinds,
  identityPart,
  isBare,
  isIdentityKind,
} from './identity-entry.js'
import { methodsWithTarget } from './methods.js'
import { type At, entriesAt, itemsAt, NodeReader, shown } from './node-reader.js'
import { hasStar, isTrapUri } from './pattern.js'
import { ruleKey } from './print.js'
import type { PolicyWarning } from './problem.js'
import { type Policy, type Rule, type RuleLimit, type TargetKind, targetKinds } from './rule.js'

const policyKeys = ['mode', 'rules'] as const
const ruleKeys = ['name', 'allow', 'deny', 'servers', ...targetKinds, 'when', 'limit'] as const
const limitKeys = ['calls', 'per', 'concurrent'] as const
const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const [mostRules, mostCalls, longestWindowMs] = [10_000, 1_000_000, 31 * 24 * units.h]
const longest = {
  name: 128,
  identity: 2048,
  servers: 256,
  tools: 512,
  prompts: 512,
  methods: 128,
  resources: 2048,
}

/** A document → a policy, with everything that is wrong or doubtful. */
export class PolicyReader extends NodeReader {
  readonly warnings: PolicyWarning[] = []
  readonly #trustDomains: readonly string[] | undefined
  readonly #given = new Set<string>()

  constructor(trustDomains: readonly string[] | undefined) {
    super()
    this.#trustDomains = trustDomains
  }

  async policy(root: DocumentNode): Promise<Policy | undefined> {
    const whole: At = { node: root, path: '', place: root.place }
    if (root.type === 'scalar' && (root.value === null || root.value === undefined))
      return this.refuse(whole, 'the policy is empty', 'To deny everything, write `rules: []`.')
    const fields = this.fields(whole, policyKeys, 'a policy')
    if (fields === undefined) return undefined
    const mode = this.#mode(fields.mode)
    if (fields.rules === undefined)
      return this.refuse(whole, 'rules: is missing', 'To deny everything, write `rules: []`.')
    const { node, path } = fields.rules
    if (node.type !== 'list')
      return this.refuse(
        fields.rules,
        `must be a list of rules (got ${shown(node)})`,
        'To deny everything, write `rules: []`.',
      )
    if (node.items.length > mostRules)
      return this.refuse(fields.rules, `more than ${mostRules} rules`, 'Use patterns.')
    const rules: (Rule | undefined)[] = []
    for (const at of itemsAt(node, path)) rules.push(await this.#rule(at))
    return Object.freeze({ mode, rules: Object.freeze(rules.filter((rule) => rule !== undefined)) })
  }

  #mode(at: At | undefined): Policy['mode'] {
    if (at === undefined) return 'enforce'
    const value = at.node.type === 'scalar' ? at.node.value : undefined
    if (value === 'enforce' || value === 'report') return value
    this.refuse(at, `must be enforce or report (got ${shown(at.node)})`, 'Write mode: enforce.')
    return 'enforce'
  }

  async #rule(at: At): Promise<Rule | undefined> {
    const fields = this.fields(at, ruleKeys, 'a rule')
    if (fields === undefined) return undefined
    const { allow, deny } = fields
    const name = this.#name(fields.name)
    const effect = allow === undefined ? 'deny' : 'allow'
    if ((allow === undefined) === (deny === undefined))
      this.refuse(
        at,
        'a rule has either allow: or deny:',
        'Write one of them, with a list of identities: allow: ["spiffe://example.org/agent"].',
      )
    const identities = [allow, deny].flatMap((list) =>
      list === undefined ? [] : this.#identities(list, effect),
    )
    const servers = fields.servers && this.#patterns(fields.servers, 'servers')
    const targets = this.#targets(at, fields)
    const condition = await this.#condition(fields.when)
    const limit = fields.limit && this.#limit(fields.limit, effect)
    const rule = {
      name: name ?? at.path,
      isNamed: name !== undefined,
      line: at.place?.line ?? null,
      effect,
      identities: Object.freeze(identities),
      servers,
      targets,
      ...condition,
      limit,
    } as const
    return Object.freeze({ ...rule, key: ruleKey(rule) })
  }

  #name(at: At | undefined): string | undefined {
    const name = at && this.name(at, 'name', longest.name)
    if (at === undefined || name === undefined) return undefined
    if (/^rules\[\d+\]$/.test(name))
      return this.refuse(
        at,
        `${JSON.stringify(name)} is what a rule without a name is called`,
        'Choose another name.',
      )
    if (this.#given.has(name))
      return this.refuse(
        at,
        `two rules have the name ${JSON.stringify(name)}`,
        'Give each a name of its own.',
      )
    this.#given.add(name)
    return name
  }

  #identities(list: At, effect: Rule['effect']): IdentityEntry[] {
    const items = this.items(list, 'identities') ?? []
    return items.flatMap((at) => {
      const entry = at.node.type === 'map' ? this.#mapping(at) : this.#identity(at)
      if (entry !== undefined) this.#warn(entry, effect, at)
      return entry === undefined ? [] : [entry]
    })
  }

  #identity(at: At): IdentityEntry | undefined {
    const text = this.name(at, 'an identity', longest.identity)
    if (text === undefined) return undefined
    const read = identityIn(text)
    return 'value' in read ? read.value : this.refuse(at, read.message, read.hint)
  }

  /** `{ dns: …, ca: … }`: names that one certificate must all have. */
  #mapping(at: At): IdentityEntry | undefined {
    if (at.node.type !== 'map') return undefined
    const fields = this.fields(at, identityKinds, 'an identity')
    if (fields === undefined) return undefined
    if (at.node.entries.length === 0)
      return this.refuse(at, 'an identity without a name', `Its keys are ${identityKinds.join(', ')}.`)
    const parts = entriesAt(at.node, at.path).flatMap((field) => {
      if (!isIdentityKind(field.key)) return []
      const text = this.name(field, field.key, longest.identity)
      if (text === undefined) return []
      const read = identityPart(field.key, text)
      if (!('value' in read)) this.refuse(field, read.message, read.hint)
      return 'value' in read ? [read] : []
    })
    if (parts.length < at.node.entries.length) return undefined
    const read = entryOf(parts)
    return 'value' in read ? read.value : this.refuse(at, read.message, read.hint)
  }

  #warn(entry: IdentityEntry, effect: Rule['effect'], { path, place }: At): void {
    const domains = this.#trustDomains
    if (domains === undefined || entry === 'anyone') return
    const { line = null, column = null } = place ?? {}
    const warn = (message: string, hint: string) => this.warnings.push({ path, line, column, message, hint })
    const [first] = entry
    if (domains.length > 0 && effect === 'allow' && isBare(entry))
      warn(
        'matches nothing: trust domains are bound, and any CA may give this name',
        `Name its CA too: { ${first?.kind}: ${JSON.stringify(first?.value)}, ca: ${domains[0]} }.`,
      )
    const ca = entry.find(({ kind }) => kind === 'ca')?.value
    if (ca !== undefined && !domains.includes(ca))
      warn(`matches nothing: no CA is bound to the trust domain ${ca}`, 'Bind it with TLS_TRUST_DOMAINS.')
  }

  #targets(rule: At, fields: Partial<Record<TargetKind, At>>): Rule['targets'] {
    if (targetKinds.every((kind) => fields[kind] === undefined))
      this.refuse(
        rule,
        'a rule names what it is about',
        `Write ${targetKinds.join(': or ')}: with a list; ["*"] is every name.`,
      )
    const lists = targetKinds.flatMap((kind) => {
      const at = fields[kind]
      return at === undefined ? [] : [[kind, this.#patterns(at, kind)]]
    })
    return Object.freeze(Object.fromEntries(lists))
  }

  #patterns(list: At, kind: TargetKind | 'servers'): readonly string[] {
    const items = this.items(list, kind) ?? []
    return Object.freeze(
      items.flatMap((at) => {
        const name = this.name(at, 'a name', longest[kind])
        if (name !== undefined) this.#checkName(name, kind, at)
        return name === undefined ? [] : [name]
      }),
    )
  }

  #checkName(name: string, kind: TargetKind | 'servers', at: At): void {
    if (kind === 'resources' && hasStar(name) && isTrapUri(name))
      this.refuse(
        at,
        'a pattern with a star never matches a URI with dot segments, escaped dots and slashes, or backslashes',
        'Write the path without them.',
      )
    if (kind !== 'methods') return
    if (hasStar(name)) this.refuse(at, 'methods: takes whole names', 'Write one entry for each method.')
    if (Object.hasOwn(methodsWithTarget, name))
      this.refuse(at, `${name} is judged by what it names`, 'Write tools:, prompts: or resources: instead.')
  }

  async #condition(at: At | undefined): Promise<Pick<Rule, 'when' | 'condition'>> {
    const when = at && this.text(at, 'when')
    if (at === undefined || when === undefined) return { when: undefined, condition: undefined }
    const { conditionOf } = await import('./condition.js')
    const read = await conditionOf(when)
    if ('value' in read) return { when, condition: read.value }
    this.refuse(at, read.message, read.hint)
    return { when, condition: undefined }
  }

  #limit(at: At, effect: Rule['effect']): RuleLimit | undefined {
    const fields = this.fields(at, limitKeys, 'a limit')
    if (fields === undefined) return undefined
    if (effect === 'deny')
      return this.refuse(at, 'a rule that denies has no limit', 'Remove it, or make an allow: rule of it.')
    const { calls, per, concurrent } = fields
    if ((calls === undefined) !== (per === undefined))
      return this.refuse(at, 'calls: and per: come together', 'Write limit: { calls: 60, per: 1m }.')
    if (calls === undefined && concurrent === undefined)
      return this.refuse(
        at,
        'a limit without a number',
        'Write limit: { calls: 60, per: 1m, concurrent: 4 }.',
      )
    const read = {
      calls: calls && this.count(calls, 'calls', mostCalls),
      perMs: per && this.#window(per),
      concurrent: concurrent && this.count(concurrent, 'concurrent', mostCalls),
    }
    return Object.freeze(Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)))
  }

  #window(at: At): number | undefined {
    const { node } = at
    const [, digits, unit] = /^(\d+)(ms|s|m|h)$/.exec(node.type === 'scalar' ? String(node.value) : '') ?? []
    const milliseconds = Number(digits) * units[unit as keyof typeof units]
    if (milliseconds >= 1 && milliseconds <= longestWindowMs) return milliseconds
    return this.refuse(
      at,
      `per must be a whole number with ms, s, m or h, from 1ms to 744h, which are 31 days (got ${shown(node)})`,
      'Write per: 1m.',
    )
  }
}
