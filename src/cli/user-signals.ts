const userSignals = ['SIGUSR1', 'SIGUSR2'] as const
export type UserSignal = (typeof userSignals)[number]

let tell = (signal: UserSignal): void => void process.stderr.write(`note: ${signal} does nothing here\n`)

/**
 * From now on these signals are told and do nothing else. Left to itself Node opens its debugger on SIGUSR1, to every
 * user of this machine, and ends on SIGUSR2; both are sent by habits of log rotation.
 */
export function takeUserSignals(): void {
  for (const signal of userSignals) process.on(signal, () => tell(signal))
}

/** Has them told in another way than by a note on stderr. */
export function tellUserSignals(by: (signal: UserSignal) => void): void {
  tell = by
}
