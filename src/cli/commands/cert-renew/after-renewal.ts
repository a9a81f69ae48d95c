import type { Io } from '../../io/io.js'
import { runShell } from '../../io/shell.js'

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
  const variables = { RENEWED_CERT_DIR: certDir, RENEWED_FILES: files.join('\n') }
  const failure = await runShell(command, variables, io, signal)
  return failure && `the command after the renewal failed: ${failure}: ${command}`
}
