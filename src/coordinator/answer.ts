import type { Failure } from './failure.js'
import { forecastPart } from './forecast-part.js'
import type { CallOutcome } from './runner.js'

/** One line for each thing that was answered, in the order of the plan, then what was not and why. */
export function answerOf(outcomes: readonly CallOutcome[], failures: readonly Failure[]): string {
  const answered = outcomes.flatMap((call) => (call.outcome.ok ? [sentenceOf(call, call.outcome)] : []))
  return [...answered, ...failures.map(({ message, hint }) => `${message} ${hint}`)].join('\n')
}

/** The tool's own sentence, which every tool gives beside its data; a part of a forecast is ours to pick. */
function sentenceOf(
  { only, arguments: given }: CallOutcome,
  { result, text }: { result: unknown; text: string },
): string {
  const part = only === undefined ? undefined : forecastPart(result, only, given['unit'] === 'F' ? 'F' : 'C')
  // Lines a peer wrote are set in, so that none can pass for a line of ours.
  return (part ?? text).replace(/\r?\n/g, '\n  ')
}
