/**
 * The clock is looked at once an hour at least: it may be set, machines sleep, and a `setTimeout` of more than
 * 24.8 days fires at once.
 */
const longest = 3_600_000

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
