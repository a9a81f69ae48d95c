// The least that can stand between a client and a server: streams of Node, and nothing that looks into them but for an id.
import { spawn } from 'node:child_process'
import { Agent, request as send } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { listenerWith, write } from './bare-listener.mjs'

export const program = fileURLToPath(new URL('echo-program.mjs', import.meta.url))
const start = () => spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'ignore'] })

/** The program behind the stdin and stdout of this process. */
export function pump() {
  const child = start()
  process.stdin.pipe(child.stdin)
  child.stdout.pipe(process.stdout)
}

/** The program behind HTTP: what is posted is one line, and the answer is the line with its id. */
export function pumpListener() {
  const child = start()
  /** @type {Map<number, (line: string) => void>} */
  const waiting = new Map()
  let last = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id } = JSON.parse(line)
    waiting.get(id)?.(line)
    waiting.delete(id)
  })
  return listenerWith((text, isLegacy, response) => {
    const id = ++last
    waiting.set(id, (line) => write(line, isLegacy, response))
    child.stdin.write(`${JSON.stringify({ ...JSON.parse(text), id })}\n`)
  })
}

/** A server behind HTTP. @param {string} url @returns {import('node:http').RequestListener} */
export function proxyListener(url) {
  const agent = new Agent({ keepAlive: true })
  const { host } = new URL(url)
  return (request, response) => {
    const { method, headers } = request
    const onward = send(url, { method, agent, headers: { ...headers, host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  }
}
