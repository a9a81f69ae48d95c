const hour = 3_600_000

/** When a certificate is to be renewed: after two thirds of its life, so that two attempts may fail for long. */
export function dueAt(notBefore: Date, notAfter: Date): Date {
  return new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3)
}

export function isDue(notBefore: Date, notAfter: Date, now: Date): boolean {
  return now >= dueAt(notBefore, notAfter)
}

/** When a renewal that was due has not happened for a tenth of the life: something is wrong with it. */
export function overdueFrom(notBefore: Date, notAfter: Date): Date {
  const life = notAfter.getTime() - notBefore.getTime()
  return new Date(dueAt(notBefore, notAfter).getTime() + life / 10)
}

/** When a revocation list is to be signed again: at half its life. */
export function listDueAt(thisUpdate: Date, nextUpdate: Date): Date {
  return new Date((thisUpdate.getTime() + nextUpdate.getTime()) / 2)
}

/**
 * How long to wait before looking again, in milliseconds: until the next thing is due, an hour at most, later by up to a
 * tenth at random (`random` gives 0 to 1), so that many machines do not come at once.
 */
export function nextCheck(nextDue: Date | undefined, now: Date, random: () => number): number {
  const longest = hour / 1.1
  const wait = nextDue ? nextDue.getTime() - now.getTime() : longest
  return Math.round(Math.min(Math.max(wait, 1000), longest) * (1 + random() / 10))
}

/** How long to wait after so many failures in a row: half a minute, doubled each time, an hour at most. */
export function nextRetry(failures: number, random: () => number): number {
  return Math.round(Math.min(30_000 * 2 ** (failures - 1), hour / 1.1) * (1 + random() / 10))
}
