import { setTimeout as delay } from 'node:timers/promises'
import type { McpSubscription } from '@modelcontextprotocol/client'
import { type Reconnection, reconnectionDelay } from '../config/index.js'

interface Keeping {
  /** Opens it again. */
  open(): Promise<McpSubscription>
  /** It is open again: what was told meanwhile was missed. */
  reopened(subscription: McpSubscription): void
  failed(error: unknown): void
  readonly reconnection: Reconnection
  /** The client closes. */
  readonly closing: AbortSignal
}

/**
 * A subscription of 2026-07-28 that is opened again when the server or the network ends it, until it is closed here, or as
 * many tries as `maxRetries` have failed. One that does not last is no success.
 */
export function keptSubscription(first: McpSubscription, keeping: Keeping): McpSubscription {
  const { reconnection, closing } = keeping
  const own = new AbortController()
  const signal = AbortSignal.any([own.signal, closing])
  let current = first
  async function again(): Promise<McpSubscription | undefined> {
    try {
      const next = await keeping.open()
      if (!signal.aborted) return next
      await next.close()
    } catch (error) {
      if (!signal.aborted) keeping.failed(error)
    }
    return undefined
  }
  async function kept(): ReturnType<() => McpSubscription['closed']> {
    for (let attempt = 0, opened = performance.now(); ; ) {
      const cause = await current.closed
      if (cause === 'local' || signal.aborted) return own.signal.aborted ? 'local' : cause
      if (performance.now() - opened > reconnection.maxReconnectionDelay) attempt = 0
      let next: McpSubscription | undefined
      while (!next) {
        if (attempt >= reconnection.maxRetries) return cause
        await delay(reconnectionDelay(attempt++, reconnection), undefined, { signal }).catch(() => {})
        if (signal.aborted) return own.signal.aborted ? 'local' : cause
        next = await again()
        if (signal.aborted) return own.signal.aborted ? 'local' : cause
      }
      current = next
      opened = performance.now()
      keeping.reopened(next)
    }
  }
  const closed = kept()
  return {
    get honoredFilter() {
      return current.honoredFilter
    },
    close: async () => {
      own.abort()
      await current.close()
    },
    closed,
  }
}
