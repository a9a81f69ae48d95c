import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The scripts, of either module system, that a process has loaded which was started with `NODE_V8_COVERAGE` set to this
 * directory and has ended. Its coverage lists them on every version of Node.
 */
export function loadedBy(pid: number | undefined, directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(`coverage-${pid}-`))
    .flatMap((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')).result)
    .map(({ url }: { url: string }) => url)
}
