import { type FSWatcher, lstatSync, readlinkSync, watch } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { afterTime } from '../alarm.js'

/** How files are watched. */
export interface WatchOptions {
  /**
   * Quiet time before `changed` is called, so that a set copied file by file counts once; five times as long where it is never quiet.
   * Milliseconds; default 100.
   */
  readonly debounceMs?: number
  /** How often `changed` is called in any case: not every file system tells. Milliseconds; default 30000. */
  readonly pollMs?: number
}

/**
 * Calls `changed` when these files may have changed. It watches their directories: Kubernetes, certbot and our own
 * store switch a link, and a watch on the file would stay with the old inode. Watched too are the directories above, for a
 * whole directory that is replaced, and what links lead to elsewhere. Returns the way to stop; keeps no process alive.
 */
export function watchFiles(
  paths: readonly string[],
  changed: () => void,
  { debounceMs = 100, pollMs = 30_000 }: WatchOptions = {},
): () => void {
  const directories = [...new Set(paths.map((path) => dirname(path)))]
  let watchers: FSWatcher[] = []
  let quiet: NodeJS.Timeout | undefined
  /** When it must be told at the latest: something beside these files may be written all the time. */
  let latest: number | undefined
  const stir = () => {
    const now = performance.now()
    latest ??= now + 5 * debounceMs
    clearTimeout(quiet)
    quiet = setTimeout(tell, Math.min(debounceMs, latest - now)).unref()
  }
  const tell = () => {
    latest = undefined
    arm() // the directories may be others now
    changed()
  }
  const arm = () => {
    for (const watcher of watchers) watcher.close()
    const elsewhere = paths.flatMap(wayTo).filter((place) => !directories.includes(dirname(place)))
    watchers = [
      ...directories.flatMap((directory) => watchDirectory(directory, stir)),
      ...[...new Set([...directories, ...elsewhere])].flatMap((place) =>
        watchDirectory(dirname(place), (name) => name === basename(place) && stir()),
      ),
    ]
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

/** As many as Linux follows. */
const linksAtMost = 40

/** The links on the way to a file, and the file at the end: whoever switches or writes one of them changes the file. */
function wayTo(path: string): string[] {
  const way: string[] = []
  let end = resolve(path)
  try {
    for (let link = firstLink(end); link !== undefined && way.length < linksAtMost; link = firstLink(end)) {
      way.push(link)
      end = join(resolve(dirname(link), readlinkSync(link)), relative(link, end))
    }
  } catch {} // it changes right now, which is told, or nobody may look: the poll goes on
  return [...way, end]
}

/** The first of the directories above a path, or the path itself, that is a link. */
function firstLink(path: string): string | undefined {
  const above = dirname(path)
  const link = above === path ? undefined : firstLink(above)
  if (link !== undefined) return link
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? path : undefined
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
