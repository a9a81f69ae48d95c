import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import type { Usage, UsageQuestion } from './usage-channel.js'

export type Transport = 'http' | 'mtls'

export interface OwnServerFiles {
  /** The built command line. */
  readonly program: string
  /** A directory of our own with the default certificates; the servers write their logs there. */
  readonly certDir: string
}

/** The echo server as users run it, in its own process on a free port of loopback. It ends with this process. */
export class ServerUnderTest implements AsyncDisposable {
  readonly url: URL
  readonly #child: ChildProcess
  /** Rejects when the process ends. */
  readonly #ended: Promise<never>

  private constructor(child: ChildProcess, ended: Promise<never>, url: URL) {
    this.#child = child
    this.#ended = ended
    this.url = url
  }

  static async start(transport: Transport, { program, certDir }: OwnServerFiles): Promise<ServerUnderTest> {
    const port = transport === 'mtls' ? ['--tls-port', '0'] : ['--tls-enabled=false', '--port', '0']
    const preload = new URL('./usage-channel.js', import.meta.url).href
    const serve = [program, 'serve', 'echo', '--json', '--cert-dir', certDir, ...port]
    const logPath = join(certDir, `${transport}.log`)
    const log = openSync(logPath, 'a')
    const child = spawn(process.execPath, ['--expose-gc', '--import', preload, ...serve], {
      // The caller's settings and `.env` must not affect the measurement.
      env: {},
      cwd: certDir,
      stdio: ['ignore', 'pipe', log, 'ipc'],
      // Ctrl-C is for this process; a server that exited first would look like a failure.
      detached: true,
    })
    closeSync(log)
    const exited = once(child, 'exit').catch((cause) => {
      const { code } = cause as NodeJS.ErrnoException
      throw new MtlsError('CONNECTION_FAILED', `the server to measure cannot be started (${code})`, { cause })
    })
    const ended = exited.then(async () => {
      const last = (await readFile(logPath, 'utf8')).trim().split('\n').at(-1)
      throw new MtlsError('CONNECTION_FAILED', `the server to measure has ended: ${last || 'without a word'}`)
    })
    ended.catch(() => undefined)
    const [printed] = await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), ended])
    return new ServerUnderTest(child, ended, new URL(JSON.parse(String(printed)).servers[0].url))
  }

  async usage(question: UsageQuestion = 'now'): Promise<Usage> {
    const answer = once(this.#child, 'message')
    this.#child.send(question)
    return (await Promise.race([answer, this.#ended]))[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended.catch(() => undefined)
  }
}
