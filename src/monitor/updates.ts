import type { ServerResponse } from 'node:http'
import type { Monitor } from './monitor.js'
import type { Update } from './snapshot.js'

/** An `Update` as JSON. */
export function updateOf(monitor: Monitor, version: string): string {
  const update: Update = {
    version,
    snapshot: monitor.snapshot(),
    events: monitor.events.slice(-eventsShown),
  }
  return JSON.stringify(update)
}

const eventsShown = 50
const listenersAtMost = 32
/** Many looks end at nearly the same moment. */
const gatherMs = 200
const heartbeatMs = 15_000
/** Does not wait for a page that does not read. */
const mostUnread = 4 * 1024 * 1024

/** Sends updates to open pages as Server-Sent Events. */
export class Updates {
  readonly #listeners = new Set<ServerResponse>()
  readonly #monitor: Monitor
  readonly #version: string
  readonly #unsubscribe: () => void
  readonly #heartbeat: NodeJS.Timeout
  #gathering: NodeJS.Timeout | undefined

  constructor(monitor: Monitor, version: string) {
    this.#monitor = monitor
    this.#version = version
    this.#unsubscribe = monitor.subscribe(() => {
      this.#gathering ??= setTimeout(() => this.#send(), gatherMs).unref()
    })
    this.#heartbeat = setInterval(() => this.#write(':\n\n'), heartbeatMs).unref()
  }

  /** Answers a request with the current state, then sends updates. */
  add(response: ServerResponse): void {
    if (this.#listeners.size >= listenersAtMost) {
      response.writeHead(503, { 'retry-after': '10', 'content-length': 0 }).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    this.#listeners.add(response)
    response.once('close', () => this.#listeners.delete(response))
    response.write(this.#message())
  }

  close(): void {
    this.#unsubscribe()
    clearTimeout(this.#gathering)
    clearInterval(this.#heartbeat)
    for (const response of this.#listeners) response.destroy()
  }

  #send(): void {
    this.#gathering = undefined
    if (this.#listeners.size > 0) this.#write(this.#message())
  }

  #message(): string {
    return `retry: 2000\ndata: ${updateOf(this.#monitor, this.#version)}\n\n`
  }

  #write(text: string): void {
    for (const response of this.#listeners) {
      if (response.writableLength > mostUnread) response.destroy()
      else response.write(text)
    }
  }
}
