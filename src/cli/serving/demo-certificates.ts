import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseTlsConfig, type Settings } from '../../config/index.js'
import { errorCodes, MtlsError } from '../../errors.js'
import type { Io } from '../io/io.js'
import { writeLines } from '../io/output.js'

/**
 * In demo mode, creates the default certificates when the server's files are missing. A child process does it, so that
 * a process that serves never loads the code that makes certificates.
 */
export async function makeDemoCertificates({ tls }: Settings, io: Io): Promise<void> {
  if (!tls.demoMode || !filesMissing(tls)) return
  const bin = fileURLToPath(new URL('../../bundle/mcp-mtls.js', import.meta.url))
  const args = [bin, 'cert-gen', '--demo-mode', '--json', '--cert-dir', tls.certDir]
  const child = execFile(process.execPath, args, { cwd: io.cwd, env: io.env })
  let stdout = ''
  child.stdout?.on('data', (chunk) => (stdout += chunk))
  // Where no process can be started, it fails before it has begun.
  const exitCode = await new Promise((resolve) => child.on('error', resolve).on('close', resolve))
  if (exitCode !== 0) throw failureOf(stdout, tls.certDir)
  writeLines(io.stderr, [`made certificates for demo mode in ${tls.certDir}`])
}

function filesMissing(tls: Settings['tls']): boolean {
  try {
    parseTlsConfig(tls, 'server')
    return false
  } catch (error) {
    if (error instanceof MtlsError && /^CERT_(DIR_)?NOT_FOUND$/.test(error.code)) return true
    throw error
  }
}

/** The child's own error, as printed with `--json`. */
function failureOf(stdout: string, certDir: string): MtlsError {
  const what = `certificates for demo mode in ${certDir} could not be made`
  try {
    const { code, message, hint } = JSON.parse(stdout).error
    return new MtlsError(code in errorCodes ? code : 'CERT_NOT_FOUND', `${what}: ${message}`, { hint })
  } catch (cause) {
    return new MtlsError('CERT_NOT_FOUND', what, { cause })
  }
}
