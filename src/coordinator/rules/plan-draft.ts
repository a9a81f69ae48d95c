import { findPlace } from '../../places/index.js'
import type { AskFailure } from '../failure.js'
import type { PlannedCall } from '../plan.js'

/** A call without a server yet; `home` is the name of the server that usually has the tool. */
export interface UnassignedCall extends Omit<PlannedCall, 'server'> {
  readonly home: 'weather' | 'datetime' | 'echo'
}

/** The calls, problems and notices of a question so far; each is kept once. */
export class PlanDraft {
  readonly calls: UnassignedCall[] = []
  readonly problems: AskFailure[] = []
  readonly notices: string[] = []

  addCall(call: UnassignedCall): void {
    const same = (other: UnassignedCall): boolean =>
      JSON.stringify([other.tool, other.arguments, other.only]).toLowerCase() ===
      JSON.stringify([call.tool, call.arguments, call.only]).toLowerCase()
    if (!this.calls.some(same)) this.calls.push(call)
  }

  usage(message: string, hint: string): void {
    this.#problem({ kind: 'usage', code: 'CONFIG_INVALID', message, hint })
  }

  unknownPlace(text: string): void {
    const found = findPlace(text)
    const near = 'near' in found ? found.near : []
    this.#problem({
      kind: 'place',
      code: 'CITY_NOT_FOUND',
      message: `I know no city called "${text}".`,
      hint:
        near.length > 0
          ? `Did you mean ${near.join('; ')}?`
          : 'Write "City", "City, Country" or "City, State".',
    })
  }

  notice(text: string): void {
    if (!this.notices.includes(text)) this.notices.push(text)
  }

  #problem(problem: AskFailure): void {
    if (!this.problems.some(({ message }) => message === problem.message)) this.problems.push(problem)
  }
}
