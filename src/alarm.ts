/**
 * The clock is looked at every half minute at least: it may be set, no timer counts while a machine sleeps, and a
 * `setTimeout` of more than 24.8 days fires at once.
 */
const longest = 30_000

/** Calls `act` once `moment` is past, however far away it is. Returns the way to cancel. Does not keep the process alive. */
export function atMoment(moment: Date, act: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = moment.getTime() - Date.now() + 1
    // Timers and the clock do not run alike: one that fires a millisecond early must not be the last.
    timer = setTimeout(
      () => (Date.now() > moment.getTime() ? act() : arm()),
      Math.min(Math.max(left, 1), longest),
    )
    timer.unref()
  }
  arm()
  return () => clearTimeout(timer)
}

/**
 * Calls `act` once so many milliseconds are over, by the timer or by the clock: a sleep counts, and a clock that is set
 * back makes it no longer. Returns the way to cancel.
 */
export function afterTime(
  milliseconds: number,
  act: () => void,
  { keepsAlive = false }: { readonly keepsAlive?: boolean } = {},
): () => void {
  const until = Date.now() + milliseconds
  let timer: NodeJS.Timeout
  const arm = (left: number) => {
    const step = Math.min(left, longest)
    timer = setTimeout(() => (left > step && Date.now() < until ? arm(left - step) : act()), step)
    if (!keepsAlive) timer.unref()
  }
  arm(milliseconds)
  return () => clearTimeout(timer)
}

/** Waits as `afterTime` does, and keeps the process alive. Rejects with the reason of the signal when that aborts. */
export function longWait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      cancel()
      reject(signal.reason)
    }
    const done = () => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const cancel = afterTime(milliseconds, done, { keepsAlive: true })
    signal.addEventListener('abort', abort, { once: true })
  })
}
