import { longWait } from '../../../alarm.js'
import { nextCheck, nextRetry } from '../../../pki/directory/schedule.js'

export interface DaemonOptions {
  /** Checks everything once; returns when the next renewal is due. */
  readonly pass: () => Promise<Date | undefined>
  /** Called after every failure, with the time until the next try. */
  readonly failed: (error: unknown, retryMs: number) => void
  readonly signal: AbortSignal
  readonly now?: () => Date
  /** From 0 to 1. */
  readonly random?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Repeats until `signal` aborts: when the next renewal is due, at least every hour, and sooner after a failure. */
export async function keepRenewing({
  pass,
  failed,
  signal,
  now = () => new Date(),
  random = Math.random,
  wait = longWait,
}: DaemonOptions): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    let waitMs: number
    try {
      waitMs = nextCheck(await pass(), now(), random)
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      failures++
      waitMs = nextRetry(failures, random)
      failed(error, waitMs)
    }
    await wait(waitMs, signal).catch((error) => {
      if (!signal.aborted) throw error
    })
  }
}
