import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The scripts that a process has loaded which ran with `NODE_V8_COVERAGE` set to this directory: V8's coverage lists those of
 * either module system, on every version of Node.
 */
export function loadedBy(pid: number | undefined, directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(`coverage-${pid}-`))
    .flatMap((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')).result)
    .map(({ url }: { url: string }) => url)
}
