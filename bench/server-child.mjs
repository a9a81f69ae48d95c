import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** @typedef {{ cpu: number, rss: number, heap: number }} Usage CPU in µs since its start, memory in bytes. */

/** A server in a process of its own, which ends with this one. */
export class ServerChild {
  /** @param {import('node:child_process').ChildProcess} child @param {string} url */
  constructor(child, url) {
    this.child = child
    this.url = url
  }

  /** @param {'mtls' | 'http' | 'bare'} transport @param {string} name @param {string} certDir */
  static async start(transport, name, certDir) {
    const program = fileURLToPath(new URL('server-process.mjs', import.meta.url))
    const child = fork(program, [transport, name, certDir], { execArgv: ['--expose-gc'] })
    const started = once(child, 'message')
    const ended = once(child, 'exit').then(() =>
      Promise.reject(new Error(`the ${name} server did not start`)),
    )
    const [url] = await Promise.race([started, ended])
    ended.catch(() => {})
    return new ServerChild(child, url)
  }

  /** @param {'usage' | 'collect' | 'judging'} question */
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

  /** @returns {Promise<number>} nanoseconds */
  judging() {
    return this.#ask('judging')
  }

  stop() {
    if (this.child.connected) this.child.disconnect()
  }
}
