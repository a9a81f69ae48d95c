import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The connections of one server, each with its unanswered requests: what a graceful stop has to know. */
export class InFlight {
  readonly #sockets = new Map<Socket, ServerResponse[]>()
  /** Those that speak another protocol now: nobody here can tell when one of them is idle. */
  readonly #upgraded = new WeakSet<Socket>()
  #draining = false
  /** Hears of the end of a connection; one for all of them. */
  readonly #closed: (this: Socket) => void

  constructor() {
    const sockets = this.#sockets
    this.#closed = function () {
      const waiting = sockets.get(this) ?? []
      sockets.delete(this)
      if (waiting.length === 0) return
      // Node closes the response that is being sent alone, and never those that wait behind it (pipelining).
      setImmediate(() => {
        for (const response of [...waiting]) {
          response.destroy()
          response.emit('close')
        }
      })
    }
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size
  }

  connected(socket: Socket): void {
    this.#sockets.set(socket, [])
    socket.on('close', this.#closed)
    if (this.#draining) socket.destroy()
  }

  /** `ending`: the client should ask again over another connection, as while draining. */
  requested(socket: Socket, response: ServerResponse, ending: boolean): void {
    const waiting = this.#sockets.get(socket)
    if (!waiting) return
    waiting.push(response)
    if (this.#draining || ending) endAfterLast(waiting)
    response.once('close', () => {
      waiting.splice(waiting.indexOf(response), 1)
      // A response that began before the drain has promised to keep the connection alive.
      if (this.#draining && waiting.length === 0) socket.end(() => socket.destroy())
    })
  }

  /** From now on this connection is in use until it ends. */
  upgraded(socket: Socket): void {
    this.#upgraded.add(socket)
  }

  /** From now on a connection ends with its last response; an idle one ends at once. */
  drain(): void {
    this.#draining = true
    for (const [socket, waiting] of this.#sockets) {
      if (this.#upgraded.has(socket)) continue
      if (waiting.length === 0) socket.destroy()
      else endAfterLast(waiting)
    }
  }

  /** Resolves when every connection has reported that it is closed: the listener knows it a moment earlier. */
  async closed(): Promise<void> {
    await Promise.all([...this.#sockets.keys()].map((socket) => once(socket, 'close')))
  }

  destroyAll(): void {
    for (const socket of this.#sockets.keys()) socket.destroy()
  }
}

/** Tells the client not to ask again here. Node closes after such a response, so only the last one says it. */
function endAfterLast(waiting: readonly ServerResponse[]): void {
  const last = waiting.at(-1)
  for (const response of waiting) {
    if (response.headersSent) continue
    if (response === last) response.setHeader('connection', 'close')
    else response.removeHeader('connection')
  }
}
