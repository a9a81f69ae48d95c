import { connect } from 'node:net'
import type { Logger } from 'pino'
import { endpointOf, waysTo } from '../../config/index.js'
import type { Behind } from '../../server/ops/behind.js'

/** Milliseconds between two looks whether a server that was away is back, and for one of them. */
const lookEvery = 1000

/** Whether the server behind can be reached: says so when that changes, and looks by itself when it was away. */
export class Reach {
  readonly #url: URL
  readonly #server: string
  /** Of the server in front of it, in the log. */
  readonly #name: string
  readonly #logger: Logger | undefined
  #away: { readonly message: string; readonly since: Date } | undefined
  #looking = false
  #seen = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(url: URL, server: string, name: string, logger: Logger | undefined) {
    this.#name = name
    this.#url = url
    this.#server = server
    this.#logger = logger
    this.look()
  }

  /** As it was when it was last seen; looks again for whoever asks next. */
  get state(): Pick<Behind, 'upstream' | 'problems'> {
    if (Date.now() - this.#seen >= lookEvery) this.look()
    const away = this.#away
    if (!away) return { upstream: { reachable: true }, problems: [] }
    const { message, since } = away
    return {
      upstream: { reachable: false },
      problems: [{ code: 'CONNECTION_FAILED', message, since: since.toISOString() }],
    }
  }

  succeeded(): void {
    this.#seen = Date.now()
    if (!this.#away) return
    this.#away = undefined
    clearTimeout(this.#timer)
    this.#logger?.info({ event: 'upstream-back', name: this.#name }, `${this.#server} is back`)
  }

  failed(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.look(), lookEvery).unref()
    if (this.#away) return
    const message = `${this.#server} cannot be reached: calls are refused until it is back`
    this.#away = { message, since: new Date() }
    this.#logger?.warn({ event: 'upstream-away', name: this.#name }, message)
  }

  /** Tries whether it takes a connection; one of its answers has broken, or it has not been called yet. */
  look(): void {
    if (this.#looking || this.#isClosed) return
    this.#looking = true
    const { host, port } = endpointOf(this.#url)
    const socket = connect({ host, port, timeout: lookEvery, ...waysTo(host) }).unref()
    const done = (isThere: boolean) => {
      if (!this.#looking) return
      this.#looking = false
      socket.destroy()
      if (isThere) this.succeeded()
      else this.failed()
    }
    socket.once('connect', () => done(true))
    socket.once('timeout', () => done(false))
    socket.on('error', () => done(false))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }
}
