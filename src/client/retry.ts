import { setTimeout as delay } from 'node:timers/promises'

export interface Retries {
  /** After the first try. */
  readonly attempts: number
  readonly mayRetry: (error: unknown) => boolean | Promise<boolean>
  readonly signal?: AbortSignal | undefined
}

const firstDelay = 100
const longestDelay = 5000

/** Tries again while `mayRetry` agrees, waiting longer each time, a random part of the delay so that clients spread. */
export async function withRetries<T>(
  act: () => Promise<T>,
  { attempts, mayRetry, signal }: Retries,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      if (attempt >= attempts || signal?.aborted || !(await mayRetry(error))) throw error
      await delay(
        Math.random() * Math.min(longestDelay, firstDelay * 2 ** attempt),
        undefined,
        signal && { signal },
      )
    }
  }
}
