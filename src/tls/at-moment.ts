/** `setTimeout` takes at most 2^31-1 ms, 24.8 days; a longer one fires at once. */
const longest = 2 ** 31 - 1

/** Calls `act` once `moment` is past, however far away it is. Returns the way to cancel. Does not keep the process alive. */
export function atMoment(moment: Date, act: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = moment.getTime() - Date.now() + 1
    timer = setTimeout(left > longest ? arm : act, Math.min(Math.max(left, 0), longest))
    timer.unref()
  }
  arm()
  return () => clearTimeout(timer)
}
