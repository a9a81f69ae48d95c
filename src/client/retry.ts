import { setTimeout as delay } from 'node:timers/promises'

export interface Retries {
  /** After the first try. */
  readonly attempts: number
  readonly mayRetry: (error: unknown) => boolean | Promise<boolean>
  /** Each of them ends the waiting. */
  readonly signals?: readonly AbortSignal[] | undefined
}

const firstDelay = 100
const longestDelay = 5000

/** Milliseconds to wait after a try, `attempt` counting from 0: twice as long each time, a random part of it so that clients spread. */
export function backoff(attempt: number, random: number): number {
  return random * Math.min(longestDelay, firstDelay * 2 ** attempt)
}

/** Tries again while `mayRetry` agrees. An abort while it waits rejects as an abort. */
export async function withRetries<T>(
  act: () => Promise<T>,
  { attempts, mayRetry, signals = [] }: Retries,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      if (attempt >= attempts || isAborted(signals) || !(await mayRetry(error))) throw error
      await delay(backoff(attempt, Math.random()), undefined, { signal: AbortSignal.any([...signals]) })
    }
  }
}

function isAborted(signals: readonly AbortSignal[]): boolean {
  return signals.some(({ aborted }) => aborted)
}
