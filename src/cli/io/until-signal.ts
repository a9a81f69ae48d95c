import type { Writable } from 'node:stream'
import type { Io } from './io.js'

/** Aborts at the first SIGINT or SIGTERM, in place of Node's default of dying at once; `stop` brings that back. */
export function untilSignal(io: Io): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const abort = () => {
    io.stopped = true
    controller.abort(new Error('interrupted'))
  }
  neverHold(io.stdout)
  neverHold(io.stderr)
  process.once('SIGINT', abort).once('SIGTERM', abort)
  return {
    signal: controller.signal,
    stop: () => process.off('SIGINT', abort).off('SIGTERM', abort),
  }
}

/**
 * Node waits for a terminal to take what it writes; for one that is stopped (Ctrl-S) it would wait before it hears a signal.
 * It has no public way to change that.
 */
export function neverHold(stream: Writable): void {
  const { isTTY, _handle } = stream as { isTTY?: boolean; _handle?: { setBlocking?(on: boolean): void } }
  if (isTTY) _handle?.setBlocking?.(false)
}
