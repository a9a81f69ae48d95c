import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'

/**
 * Gives `work` a temporary folder for keys. It is removed afterwards, even if this process is killed or its terminal
 * closes: a small separate process takes care of that. Throws `CERT_WRITE_FAILED` when there is no such folder, or it
 * cannot be written.
 */
export async function withScratchFolder<Result>(
  name: string,
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), `mcp-mtls-${name}-`)).catch((cause) => {
    throw noRoom(`no temporary folder can be made in ${tmpdir()}`, cause)
  })
  const remover = spawn(process.execPath, ['--eval', removeAtEnd, directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // ignores signals to a whole terminal or process group
    env: {},
  })
  remover.once('error', () => undefined) // from here on only a kill leaves the folder behind
  remover.stdin?.once('error', () => undefined)
  try {
    return await work(directory)
  } catch (error) {
    const { code = '', path = '' } = error as NodeJS.ErrnoException
    const isFull = /^(ENOSPC|EDQUOT|EROFS|EIO)$/.test(code) && (path === '' || path.startsWith(directory))
    throw isFull ? noRoom(`the temporary folder ${directory} takes no more`, error) : error
  } finally {
    await rm(directory, { recursive: true, force: true })
    remover.kill()
  }
}

function noRoom(what: string, cause: unknown): MtlsError {
  const { code } = cause as NodeJS.ErrnoException
  return new MtlsError('CERT_WRITE_FAILED', `${what} (${code})`, {
    hint: 'Make room there, or set TMPDIR to a directory that this user may write.',
    cause,
  })
}

/** Its standard input ends with the process that holds the other end. */
const removeAtEnd = `
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {}) // no debugger
process.stdin.resume().on('end', () => {
  require('node:fs').rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 10 })
})`
