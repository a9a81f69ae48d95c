import { type IdentityEntry, nameOf } from './identity-entry.js'
import { type Policy, type Rule, type RuleLimit, targetKinds } from './rule.js'

/** A policy as a file that reads as the same policy. Comments are gone. */
export function printPolicy({ mode, rules }: Policy): string {
  if (rules.length === 0) return `mode: ${mode}\nrules: []\n`
  return `mode: ${mode}\nrules:\n${rules.map(printRule).join('')}`
}

function printRule(rule: Rule): string {
  const lines = ruleFields(rule).map(([key, value]) => `${key}: ${inline(value)}`)
  return `  - ${lines.join('\n    ')}\n`
}

/** What a rule says, without how it was written: the same for equal rules. */
export function ruleKey(rule: Omit<Rule, 'key'>): string {
  return JSON.stringify(ruleFields(rule))
}

type Field = readonly [key: string, value: unknown]

function ruleFields(rule: Omit<Rule, 'key'>): Field[] {
  const { name, isNamed, effect, identities, servers, targets, when, limit } = rule
  const fields: Field[] = [
    ['name', isNamed ? name : undefined],
    [effect, identities.map(printEntry)],
    ['servers', servers],
    ...targetKinds.map((kind): Field => [kind, targets[kind]]),
    ['when', when],
    ['limit', limit && printLimit(limit)],
  ]
  return fields.filter(([, value]) => value !== undefined)
}

function printEntry(entry: IdentityEntry): unknown {
  if (entry === 'anyone') return entry
  const [first] = entry
  if (first !== undefined && entry.length === 1 && first.kind !== 'ca') return nameOf(first)
  return Object.fromEntries(entry.map(({ kind, value }) => [kind, value]))
}

/** A limit, as in a policy. */
export function printLimit({ calls, perMs, concurrent }: RuleLimit): Record<string, unknown> {
  return {
    ...(calls !== undefined && { calls }),
    ...(perMs !== undefined && { per: durationText(perMs) }),
    ...(concurrent !== undefined && { concurrent }),
  }
}

/** In the largest unit that makes it a whole number. */
function durationText(milliseconds: number): string {
  const units = [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const
  const [unit, length] = units.find(([, length]) => milliseconds % length === 0) ?? ['ms', 1]
  return `${milliseconds / length}${unit}`
}

/** As JSON, which is YAML too; the characters that end a line in YAML are escaped. */
function inline(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
