import { statSync } from 'node:fs'
import { join } from 'node:path'
import { longWait } from '../../../alarm.js'
import { watchFiles } from '../../../files/watch.js'

export interface WatchedChecks<Result> {
  /** Files and directories. */
  readonly paths: readonly string[]
  readonly intervalMs: number
  check(): Promise<Result>
  /** Receives every result, including the first. */
  report(result: Result): void
  readonly signal: AbortSignal
}

/** Checks now, whenever the files change, and at the interval, until the signal aborts. */
export async function watchChecks<Result>(watched: WatchedChecks<Result>): Promise<void> {
  const { paths, intervalMs, check, report, signal } = watched
  let stirred = new AbortController()
  const stop = watchFiles(paths.map(inDirectory), () => stirred.abort(), { pollMs: intervalMs })
  try {
    while (!signal.aborted) {
      stirred = new AbortController()
      report(await check())
      // Whichever comes first; a change during a check counts too.
      await longWait(intervalMs, AbortSignal.any([stirred.signal, signal])).catch(() => {})
    }
  } finally {
    stop()
  }
}

/** A file watch watches the file's directory: to watch a directory, watch any file in it. */
function inDirectory(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(path, 'ca.crt') : path
}
