import type { Tool } from '@modelcontextprotocol/client'
import type { AskFailure } from './failure.js'

/** One tool call as data: what to call, where, and why. */
export interface PlannedCall {
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** For people: `the weather in Paris`. */
  readonly purpose: string
  /** The requested part of a forecast; the whole forecast when absent. */
  readonly only?: ForecastPart
}

/** Days from today (1 is tomorrow), a weekday (`friday`) or the days of the weekend. */
export type ForecastPart = number | 'weekend' | Weekday

export const weekdays = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const
export type Weekday = (typeof weekdays)[number]

export interface Plan {
  readonly calls: readonly PlannedCall[]
  /** Parts of the question that cannot become a call. */
  readonly problems: readonly AskFailure[]
  /** Notes for the asker that are not failures: words that were not understood, limits. */
  readonly notices: readonly string[]
}

/** The servers a planner may use. */
export interface Toolbox {
  readonly servers: readonly string[]
  /** The tools a server declares (`tools/list`). Connects when needed; rejects when the server cannot be reached. */
  toolsOf(server: string): Promise<readonly Tool[]>
}

export interface PlanContext {
  readonly toolbox: Toolbox
  /** The city meant where the question names none. */
  readonly city?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Turns a question into calls. Uses rules here; a language model could replace them. */
export interface Planner {
  readonly name: 'rules' | 'llm'
  plan(question: string, context: PlanContext): Promise<Plan>
}
