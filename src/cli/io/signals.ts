import inspector from 'node:inspector'
import type { Writable } from 'node:stream'
import type { Io } from './io.js'

// Loaded before everything else, so that no signal meets Node's default: it imports nothing from this package.

/** A signal ended the work before it was done. */
export class Interrupted extends Error {}

/**
 * Gives `work` a signal that aborts at the first SIGINT or SIGTERM, instead of Node's default of exiting at once, which
 * is restored for the second. Throws `Interrupted` when the work fails after that.
 */
export async function untilSignal<Result>(
  io: Io,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const abort = () => {
    io.stopped = true
    controller.abort(new Interrupted('interrupted'))
  }
  neverHold(io)
  process.once('SIGINT', abort).once('SIGTERM', abort)
  try {
    return await work(controller.signal)
  } catch (error) {
    throw controller.signal.aborted ? new Interrupted('interrupted', { cause: error }) : error
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort)
  }
}

/** For commands that serve others: `stop` aborts at the first SIGINT or SIGTERM, `force` at the second. */
export function stopSignals(io: Io): { readonly stop: AbortSignal; readonly force: AbortSignal } {
  const stop = new AbortController()
  const force = new AbortController()
  neverHold(io)
  const abort = () => {
    io.stopped = true
    const next = stop.signal.aborted ? force : stop
    next.abort()
  }
  process.on('SIGINT', abort).on('SIGTERM', abort)
  return { stop: stop.signal, force: force.signal }
}

/** From now on SIGHUP calls this, and does not end the process. */
export function onHangup(act: () => void): void {
  process.on('SIGHUP', act)
}

const userSignals = ['SIGUSR1', 'SIGUSR2'] as const
export type UserSignal = (typeof userSignals)[number]

let tell = (signal: UserSignal): void => void process.stderr.write(`note: ${signal} does nothing here\n`)

/**
 * From now on these signals are reported and do nothing else. By default Node opens its debugger on SIGUSR1, to every
 * user of this machine, and exits on SIGUSR2; log rotation often sends both. `options` are those of Node.
 */
export function takeUserSignals(options: readonly string[]): void {
  closeDebugger(options)
  for (const signal of userSignals) process.on(signal, () => tell(signal))
}

/** A signal came before this line ran: closes the debugger that it opened. */
function closeDebugger(options: readonly string[]): void {
  const isAsked = options.some((option) => option.includes('--inspect'))
  if (!isAsked && inspector.url() !== undefined) inspector.close()
}

/** Reports them in another way than by a note on stderr. */
export function tellUserSignals(by: (signal: UserSignal) => void): void {
  tell = by
}

/**
 * Node waits for a terminal to take what it writes; if the terminal is stopped (Ctrl-S), Node handles no signal until
 * it continues. It has no public way to change that.
 */
function neverHold({ stdout, stderr }: Io): void {
  for (const stream of [stdout, stderr]) {
    const { isTTY, _handle } = stream as Writable & {
      isTTY?: boolean
      _handle?: { setBlocking?(on: boolean): void }
    }
    if (isTTY) _handle?.setBlocking?.(false)
  }
}
