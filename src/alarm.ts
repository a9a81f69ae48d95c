/**
 * Checks the clock at least every half minute: it may be set, timers stop while a machine sleeps, and a `setTimeout` of
 * more than 24.8 days fires at once.
 */
const longest = 30_000

/**
 * Calls `act` after `moment`, however far away that is. Returns a function that cancels. Does not keep the process
 * alive.
 */
export function atMoment(moment: Date, act: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = moment.getTime() - Date.now() + 1
    // Timers and the clock drift apart: a timer that fires a millisecond early must not be the last one.
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
 * Calls `act` after `milliseconds`, measured by both timer and clock: sleep counts, and setting the clock back does not
 * lengthen the wait. Returns a function that cancels.
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

/** Waits like `afterTime`, but keeps the process alive. Rejects with the signal's reason when the signal aborts. */
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
