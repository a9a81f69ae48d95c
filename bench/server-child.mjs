import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** @typedef {{ cpu: number, rss: number, heap: number, handles: number }} Usage CPU in µs since its start, memory in bytes. */
/**
 * @typedef {object} Served
 * @property {'bare' | 'gate' | 'stock' | 'ours' | 'expose' | 'program' | 'pump'} kind the last two speak on stdin and stdout
 * @property {string} certDir
 * @property {'mtls' | 'http'} [transport] mTLS without it
 * @property {number} [tools] how many; two without it
 * @property {'default'} [limits] those of users; without it none that a bench could reach
 * @property {string} [behind] what answers in its place: `program`, or the URL of another server
 * @property {boolean} [sessions] whether ours has sessions
 * @property {number} [rules] how many there are in the policy of ours; no policy without it
 * @property {boolean} [recorded] whether ours keeps a record of calls
 * @property {keyof typeof import('../dist/servers/index.js').builtInServers} [builtIn] in place of the server of the bench
 */

/** Whether it is spoken to on stdin and stdout. @param {Served} served */
export const onPipes = ({ kind }) => kind === 'program' || kind === 'pump'

/** A server in a process of its own, which ends with this one. */
export class ServerChild {
  /** @param {import('node:child_process').ChildProcess} child @param {string} url */
  constructor(child, url) {
    this.child = child
    this.url = url
    this.port = Number(new URL(url).port)
  }

  /** @param {Served} served */
  static async start(served) {
    const child = fork(
      fileURLToPath(new URL('server-process.mjs', import.meta.url)),
      [JSON.stringify(served)],
      {
        execArgv: ['--expose-gc'],
        stdio: onPipes(served) ? ['pipe', 'pipe', 'ignore', 'ipc'] : ['ignore', 'ignore', 'ignore', 'ipc'],
      },
    )
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${served.kind} did not start`)))
    const [port] = await Promise.race([once(child, 'message'), ended])
    ended.catch(() => {})
    if (typeof port !== 'number') throw new Error(`${served.kind} did not start: ${port}`)
    return new ServerChild(child, `${served.transport === 'http' ? 'http' : 'https'}://localhost:${port}/mcp`)
  }

  /** @param {'usage' | 'collect' | 'reload'} question */
  async #ask(question) {
    const answer = once(this.child, 'message')
    this.child.send(question)
    return (await answer)[0]
  }

  /** @returns {Promise<Usage>} */
  usage() {
    return this.#ask('usage')
  }

  /** The usage after a garbage collection, whose own CPU is before this usage. @returns {Promise<Usage>} */
  usageCollected() {
    return this.#ask('collect')
  }

  /** Makes it read its certificates again. @returns {Promise<boolean>} whether it has */
  reload() {
    return this.#ask('reload')
  }

  stop() {
    if (this.child.connected) this.child.disconnect()
  }
}
