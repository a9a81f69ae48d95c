// The client of the benches: undici below its own API, the least that a request can cost here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Pool } from 'undici'
import { initialize, renumbered } from './messages.mjs'

/** @typedef {import('./messages.mjs').Message} Message */
/** @typedef {{ call: (message: Message) => Promise<string>, close: () => void }} Caller a call comes back with its text; another answer than a result is an error */

/** @param {string} certDir */
export function clientTls(certDir, client = 'client') {
  const read = (/** @type {string} */ name) => readFileSync(join(certDir, name))
  return { ca: read('ca.crt'), cert: read(`${client}.crt`), key: read(`${client}.key`) }
}

/** @param {string} text */
const isResult = (text) => text.includes('"result"') && !text.includes('"isError":true')

/** One server as this client calls it. @param {string} url @param {string} certDir @param {number} connections */
export function caller(url, certDir, connections) {
  const { origin, pathname: path, protocol } = new URL(url)
  const pool = new Pool(origin, {
    connections,
    ...(protocol === 'https:' && { connect: clientTls(certDir) }),
    keepAliveTimeout: 600_000,
    keepAliveMaxTimeout: 600_000,
  })
  /** @param {Message} message @param {(headers: Record<string, string | string[] | undefined>) => void} [onHeaders] @returns {Promise<string>} */
  const call = ({ headers, body }, onHeaders) =>
    new Promise((resolve, reject) => {
      let status = 0
      /** @type {Buffer[]} */
      const chunks = []
      pool.dispatch(
        { path, method: 'POST', headers, body },
        {
          onRequestStart() {},
          onResponseStart(_controller, code, headers) {
            status = code
            onHeaders?.(headers)
          },
          onResponseData(_controller, chunk) {
            chunks.push(chunk)
          },
          onResponseEnd() {
            const text = Buffer.concat(chunks).toString()
            if (status === 200 && isResult(text)) resolve(text)
            else reject(new Error(`${url} answered ${status}: ${text.slice(0, 300)}`))
          },
          onResponseError(_controller, error) {
            reject(error)
          },
        },
      )
    })
  return { call, close: () => void pool.destroy() }
}

/** The same in a session. @param {ReturnType<typeof caller>} caller @returns {Promise<Caller>} */
export async function inSession({ call, close }) {
  let session = {}
  await call(initialize, (headers) => {
    session = { 'mcp-session-id': headers['mcp-session-id'] }
  })
  return {
    call: (message) => {
      const { headers, body } = renumbered(message)
      return call({ headers: { ...headers, ...session }, body })
    },
    close,
  }
}

/** A server on stdin and stdout: one line for each message. @param {import('node:child_process').ChildProcess} child @returns {Caller} */
export function pipeCaller({ stdin, stdout }) {
  if (!stdin || !stdout) throw new Error('it has no stdin and stdout')
  /** @type {Map<number, (line: string) => void>} */
  const waiting = new Map()
  createInterface({ input: stdout }).on('line', (line) => {
    const { id } = JSON.parse(line)
    waiting.get(id)?.(line)
    waiting.delete(id)
  })
  return {
    call: (message) => {
      const { body } = renumbered(message)
      return new Promise((resolve, reject) => {
        waiting.set(JSON.parse(body).id, (line) => (isResult(line) ? resolve(line) : reject(new Error(line))))
        stdin.write(`${body}\n`)
      })
    },
    close: () => stdin.end(),
  }
}
