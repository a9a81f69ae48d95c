import type { Io } from './io.js'

/** Aborts at the first SIGINT or SIGTERM, in place of Node's default of dying at once; `stop` brings that back. */
export function untilSignal(io: Io): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const abort = () => {
    io.stopped = true
    controller.abort(new Error('interrupted'))
  }
  process.once('SIGINT', abort).once('SIGTERM', abort)
  return {
    signal: controller.signal,
    stop: () => process.off('SIGINT', abort).off('SIGTERM', abort),
  }
}
