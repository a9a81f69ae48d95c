import type { Condition } from './condition.js'
import type { IdentityEntry } from './identity-entry.js'

/** What a rule can be about. */
export const targetKinds = ['tools', 'resources', 'prompts', 'methods'] as const
export type TargetKind = (typeof targetKinds)[number]

export interface RuleLimit {
  /** Calls in any window of `perMs` milliseconds; both or none. */
  readonly calls?: number
  readonly perMs?: number
  /** Calls at the same time. */
  readonly concurrent?: number
}

export interface Rule {
  /** Its own, or `rules[0]`. */
  readonly name: string
  readonly isNamed: boolean
  /** From 1; null without a text. */
  readonly line: number | null
  readonly effect: 'allow' | 'deny'
  readonly identities: readonly IdentityEntry[]
  /** Patterns; undefined for every server. */
  readonly servers: readonly string[] | undefined
  /** Patterns; of methods whole names. At least one kind. */
  readonly targets: Readonly<Partial<Record<TargetKind, readonly string[]>>>
  /** Its condition, as it was written and ready to be judged. */
  readonly when: string | undefined
  readonly condition: Condition | undefined
  readonly limit: RuleLimit | undefined
  /** The same for rules that say the same, in whatever file and order. */
  readonly key: string
}

/** A policy that was read: nothing in it has to be checked again. */
export interface Policy {
  /** In `report` mode nothing is denied and no limit holds; decisions say what would be. */
  readonly mode: 'enforce' | 'report'
  readonly rules: readonly Rule[]
}
