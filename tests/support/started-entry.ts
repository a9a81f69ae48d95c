import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { Launch } from '../../src/desktop/launch.js'
import { initialize } from './bridge-process.js'

export interface StartedEntry {
  /** The result of a request; an error of the protocol comes as its message. */
  ask(method: string, params?: object): Promise<Record<string, unknown> | string>
  readonly stderr: () => string
  /** Ends stdin; gives the exit code. */
  end(): Promise<number | null>
}

/** Starts what an entry of a client says, with the variables of the entry and no other, not even PATH, in the root directory. */
export async function startEntry({ command, args, env }: Launch): Promise<StartedEntry> {
  const child = spawn(command, [...args], { cwd: '/', env: { ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  const waiting = new Map<number, (text: Record<string, unknown>) => void>()
  let [buffered, stderr, last] = ['', '', 0]
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    const lines = `${buffered}${chunk}`.split('\n')
    buffered = lines.pop() ?? ''
    for (const message of lines.map((line) => JSON.parse(line)))
      if (message.method === undefined) waiting.get(message.id)?.(message)
  })
  const say = (message: object) => child.stdin.write(`${JSON.stringify(message)}\n`)
  const answerTo = async (message: { readonly id: number }) => {
    const answer = new Promise<Record<string, unknown>>((resolve) => waiting.set(message.id, resolve))
    say(message)
    const failed = ended.then(([code]) => Promise.reject(new Error(`ended with ${code}:\n${stderr}`)))
    return (await Promise.race([answer, failed])) as { result?: object; error?: { message: string } }
  }
  await answerTo(initialize)
  say({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return {
    ask: async (method, params = {}) => {
      const { result, error } = await answerTo({ jsonrpc: '2.0', id: ++last, method, params } as {
        id: number
      })
      return (result as Record<string, unknown>) ?? error?.message ?? 'neither result nor error'
    },
    stderr: () => stderr,
    end: async () => {
      child.stdin.end()
      return (await ended)[0]
    },
  }
}
