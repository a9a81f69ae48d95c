import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { bin } from './cli.js'
import { scratch } from './scratch.js'

export const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
}

/** The command as a client starts it. */
export const started = (...args: string[]) => startedWith({}, ...args)

export function startedWith(env: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, [bin, 'bridge', ...args], {
    cwd: scratch(),
    env: { PATH: process.env.PATH, ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk) => (printed.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk) => (printed.stderr += chunk))
  child.stdin.on('error', () => {})
  const ended = once(child, 'close')
  const say = (message: object) => child.stdin.write(`${JSON.stringify(message)}\n`)
  const lines = () =>
    printed.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { child, printed, ended, say, lines }
}
