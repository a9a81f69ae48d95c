import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Io } from './io.js'

/**
 * Runs a shell command in the working directory, with these variables added to the environment; its output goes to
 * stderr. Returns what went wrong, undefined if nothing did; rejects when the signal aborts.
 */
export async function runShell(
  command: string,
  variables: Readonly<Record<string, string>>,
  io: Io,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const env = { ...io.env, ...variables }
    const child = spawn('sh', ['-c', command], {
      cwd: io.cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    for (const stream of [child.stdout, child.stderr]) stream?.pipe(io.stderr, { end: false })
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null]
    return code === 0 ? undefined : (killedBy ?? `exit code ${code}`)
  } catch (error) {
    const { code, message, syscall = '' } = error as NodeJS.ErrnoException
    if (!syscall.startsWith('spawn')) throw error
    if (code !== 'ENOENT') return `it could not be started (${code ?? message})`
    return existsSync(io.cwd) ? 'it needs a shell, and there is no `sh` on the PATH' : `${io.cwd} is gone`
  }
}
