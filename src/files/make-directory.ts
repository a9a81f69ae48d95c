import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it that are missing. Throws what the file system says. Node's own way to do so
 * never ends where there is a directory above in which none can be made and that says it is not there, as /proc does.
 */
export function makeDirectories(path: string, mode?: number): void {
  try {
    mkdirSync(path, mode)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (isDirectory(path)) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path || isDirectory(parent)) throw error
    makeDirectories(parent, mode)
    makeDirectories(path, mode)
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
