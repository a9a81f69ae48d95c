import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Io } from './io.js'

/**
 * Runs a shell command after something was renewed, with `RENEWED_CERT_DIR` and, one per line, `RENEWED_FILES` in its
 * environment; what it prints goes to stderr. Gives what went wrong, undefined when nothing did.
 */
export async function runAfterRenewal(
  command: string,
  { certDir, files }: { readonly certDir: string; readonly files: readonly string[] },
  io: Io,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const env = { ...io.env, RENEWED_CERT_DIR: certDir, RENEWED_FILES: files.join('\n') }
  const child = spawn('sh', ['-c', command], { cwd: io.cwd, env, stdio: ['ignore', 'pipe', 'pipe'], signal })
  for (const stream of [child.stdout, child.stderr]) stream.pipe(io.stderr, { end: false })
  const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null]
  if (code === 0) return undefined
  return `the command after the renewal failed: ${killedBy ?? `exit code ${code}`}: ${command}`
}
