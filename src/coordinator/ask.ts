import { MtlsError } from '../errors.js'
import { answerOf } from './answer.js'
import { type Connect, Connections } from './connections.js'
import type { AskFailure } from './failure.js'
import type { Planner } from './plan.js'
import { rulesPlanner, whatCanBeAsked } from './rules/planner.js'
import { type CallOutcome, OutOfTime, runCalls } from './runner.js'
import { whileNotAborted } from './while-not-aborted.js'

export const longestQuestion = 500

export interface AskOptions {
  /** How to connect to each server, by its name. */
  readonly servers: Readonly<Record<string, Connect>>
  /** The city meant where the question names none. */
  readonly city?: string | undefined
  /** Time for everything together, in milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined
  readonly planner?: Planner | undefined
  /** Cancels the question; `ask` then rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface Reply {
  /** In plain language; also says what could not be answered. */
  readonly answer: string
  readonly planner: Planner['name']
  readonly calls: readonly CallOutcome[]
  /** What has no answer, each item once. */
  readonly failures: readonly AskFailure[]
  readonly notices: readonly string[]
}

/**
 * Answers a question by calling tools of the servers. Failures are in the reply, beside what was answered. Throws
 * `CONFIG_INVALID` for a question that is empty or too long.
 */
export async function ask(question: string, options: AskOptions): Promise<Reply> {
  const { city, timeoutMs = 30_000, planner = rulesPlanner } = options
  checkLength(question)
  const controller = new AbortController()
  const { signal } = controller
  const interrupt = (): void => controller.abort(options.signal?.reason)
  const timer = setTimeout(() => controller.abort(new OutOfTime(`${timeoutMs} ms are over`)), timeoutMs)
  options.signal?.addEventListener('abort', interrupt)
  if (options.signal?.aborted) interrupt()
  const connections = new Connections(options.servers, signal)
  try {
    const planned = planner.plan(question, { toolbox: connections, city, signal })
    const { calls, problems, notices } = await whileNotAborted(planned, signal)
    const outcomes = await runCalls(calls, connections, signal)
    const failures = distinct([...problems, ...outcomes.flatMap(failureIn)])
    return { answer: answerOf(outcomes, failures), planner: planner.name, calls: outcomes, failures, notices }
  } catch (error) {
    if (!(signal.reason instanceof OutOfTime)) throw error
    throw new MtlsError('CONNECTION_TIMEOUT', `The question could not be planned: ${signal.reason.message}`)
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', interrupt)
    await connections.close()
  }
}

function checkLength(question: string): void {
  const length = [...question.trim()].length
  if (length === 0) throw new MtlsError('CONFIG_INVALID', 'The question is empty.', { hint: whatCanBeAsked })
  if (length > longestQuestion)
    throw new MtlsError(
      'CONFIG_INVALID',
      `The question has ${length} characters; ${longestQuestion} are allowed.`,
      { hint: 'Ask several shorter questions.' },
    )
}

const failureIn = ({ outcome }: CallOutcome): AskFailure[] => (outcome.ok ? [] : [outcome.failure])

/** Calls that fail for the same reason are one failure to the asker. */
function distinct(failures: readonly AskFailure[]): AskFailure[] {
  return [...new Map(failures.map((failure) => [failure.message, failure])).values()]
}
