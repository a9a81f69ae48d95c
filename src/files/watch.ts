import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { afterTime } from '../alarm.js'

/** How files are watched. */
export interface WatchOptions {
  /** Quiet time before `changed` is called, so that a set copied file by file counts once. Milliseconds; default 100. */
  readonly debounceMs?: number
  /** How often `changed` is called in any case: not every file system tells. Milliseconds; default 30000. */
  readonly pollMs?: number
}

/**
 * Calls `changed` when these files may have changed. It watches their directories: Kubernetes, certbot and our own
 * store switch a link, and a watch on the file would stay with the old inode. The directories above are
 * watched too, for a whole directory that is replaced. Returns the way to stop; keeps no process alive.
 */
export function watchFiles(
  paths: readonly string[],
  changed: () => void,
  { debounceMs = 100, pollMs = 30_000 }: WatchOptions = {},
): () => void {
  const directories = [...new Set(paths.map((path) => dirname(path)))]
  let watchers: FSWatcher[] = []
  let quiet: NodeJS.Timeout | undefined
  const stir = () => {
    clearTimeout(quiet)
    quiet = setTimeout(tell, debounceMs).unref()
  }
  const tell = () => {
    arm() // the directories may be others now
    changed()
  }
  const arm = () => {
    for (const watcher of watchers) watcher.close()
    watchers = directories.flatMap((directory) => [
      ...watchDirectory(directory, stir),
      ...watchDirectory(dirname(directory), (name) => name === basename(directory) && stir()),
    ])
  }
  arm()
  const poll = () =>
    afterTime(pollMs, () => {
      stopPoll = poll()
      tell()
    })
  let stopPoll = poll()
  return () => {
    clearTimeout(quiet)
    stopPoll()
    for (const watcher of watchers) watcher.close()
  }
}

/** None when it cannot be watched: the poll goes on. */
function watchDirectory(directory: string, stirred: (name: string | null) => void): FSWatcher[] {
  try {
    const watcher = watch(directory, { persistent: false }, (_event, name) => stirred(name))
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    return []
  }
}
