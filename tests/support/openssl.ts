import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

export interface OpenSsl {
  readonly process: ChildProcess
  /** Resolves when the output matches. */
  until(pattern: RegExp): Promise<void>
  /** All output, when the process has ended. */
  readonly output: Promise<string>
}

/** Runs the openssl command: a TLS stack that is not Node's. Ends with the test. */
export function openssl(...args: string[]): OpenSsl {
  const child = spawn('openssl', args)
  onTestFinished(() => void child.kill())
  let seen = ''
  const looks = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      seen += chunk
      for (const look of looks) look()
    })
  }
  child.stdin.on('error', () => {}) // it may be gone before it has read
  return {
    process: child,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(seen) && resolve()
        looks.add(look)
        look()
        child.once('close', () => reject(new Error(`openssl ended without ${pattern}: ${seen}`)))
      }),
    output: Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join('')),
  }
}

/** The first `data` of `openssl s_client` and what it answers. */
export async function sClient(port: number, input: string, ...args: string[]): Promise<string> {
  const client = openssl('s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof', ...args)
  client.process.stdin?.write(input)
  return client.output
}
