import { releaseDate } from '../../config/package-version.js'
import type { Io } from '../io/io.js'
import { day, writeLines } from '../io/output.js'

/** Warns when certificates are issued while the clock is earlier than the day this version was made. */
export function warnOfClock(io: Io, now = new Date()): void {
  if (now >= releaseDate) return
  writeLines(io.stderr, [
    `warning: the clock of this machine says ${day(now)}, and this version of mcp-mtls was made on ${day(releaseDate)}`,
    'hint: Set the clock and issue again: what is dated by a wrong clock has expired, or has not begun, for others.',
  ])
}
