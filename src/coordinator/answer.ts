import type { AskFailure } from './failure.js'
import { forecastPart } from './forecast-part.js'
import type { CallOutcome } from './runner.js'

/** A line for each result, in the order of the plan, then what was not answered and why. */
export function answerOf(outcomes: readonly CallOutcome[], failures: readonly AskFailure[]): string {
  const answered = outcomes.flatMap((call) => (call.outcome.ok ? [sentenceOf(call, call.outcome)] : []))
  const sentences = [
    ...answered,
    ...failures.map(({ message, hint }) => `${message.replace(/[^.?!]$/, '$&.')} ${hint}`),
  ]
  // Further lines are indented, so that no text from a peer can pass for one of ours.
  return sentences.map((sentence) => sentence.replace(/\r?\n/g, '\n  ')).join('\n')
}

/** The tool's own sentence, which every tool gives beside its data; we select the requested part of a forecast. */
function sentenceOf(
  { only, arguments: given }: CallOutcome,
  { result, text }: { readonly result: unknown; readonly text: string },
): string {
  if (only === undefined) return text
  return forecastPart(result, only, given.unit === 'F' ? 'F' : 'C') ?? text
}
