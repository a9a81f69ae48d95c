import inspector from 'node:inspector'

const userSignals = ['SIGUSR1', 'SIGUSR2'] as const
export type UserSignal = (typeof userSignals)[number]

let tell = (signal: UserSignal): void => void process.stderr.write(`note: ${signal} does nothing here\n`)

/**
 * From now on these signals are told and do nothing else. Left to itself Node opens its debugger on SIGUSR1, to every
 * user of this machine, and ends on SIGUSR2; both are sent by habits of log rotation. `options` are those of Node.
 */
export function takeUserSignals(options: readonly string[]): void {
  closeDebugger(options)
  for (const signal of userSignals) process.on(signal, () => tell(signal))
}

/** While `serve` starts SIGHUP does not end it: it reads its files in any case. */
export function outliveHangup(): void {
  process.on('SIGHUP', () => {})
}

/** One came before this line ran: what nobody asked for is shut again. */
function closeDebugger(options: readonly string[]): void {
  const isAsked = options.some((option) => option.includes('--inspect'))
  if (!isAsked && inspector.url() !== undefined) inspector.close()
}

/** Has them told in another way than by a note on stderr. */
export function tellUserSignals(by: (signal: UserSignal) => void): void {
  tell = by
}
