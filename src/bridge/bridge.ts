import type { JSONRPCMessage, JSONRPCRequest, Transport } from '@modelcontextprotocol/server'
import { packageVersion } from '../config/index.js'
import { Backoff } from '../relay/backoff.js'
import { metaOf } from '../relay/end.js'
import { Exchanges, NotModern } from '../relay/exchanges.js'
import { type Fault, faultAnswer } from '../relay/fault.js'
import { metaKeys } from '../relay/meta-keys.js'
import { Relay } from '../relay/relay.js'
import { Channel } from './channel.js'
import type { Tell } from './event.js'
import type { FarServer } from './far-server.js'
import { FarSession } from './far-session.js'
import { FarTransport } from './far-transport.js'
import { RepeatedArguments } from './repeated-arguments.js'

export interface JoinOptions {
  /** How long `initialize` waits for the server before it is answered without it; milliseconds. */
  readonly early: number
  /** How long several servers may keep an answer from the client that is made of all of theirs; milliseconds, default 15 s. */
  readonly patience?: number
  /** Told what happens, for a log. */
  readonly tell: Tell
  /**
   * Called when the server turns out to have only sessions. Given where several clients speak as one: requests of 2026-07-28 are
   * refused then, and not translated, since they would share a session.
   */
  readonly onOnlySessions?: (() => void) | undefined
}

/** A client that is joined to what it sees as one server. Ends with its client. */
export interface Joined {
  /** Resolves when the client has gone and the server knows. */
  readonly closed: Promise<void>
  /** Reads what the client says from now on. */
  start(): Promise<void>
  close(): Promise<void>
}

/** A bridge that runs. */
export interface Started extends Omit<Joined, 'start'> {
  /** Where local clients find it, if it listens. */
  readonly url?: string
}

/** Requests without an answer, in each direction. */
const inFlightAtMost = 1000
/** A server that comes up is found after so long at most; milliseconds. */
const longestWait = 5000

/**
 * One client, which is joined to a remote server in the era that both speak: a session, or requests of 2026-07-28, which need none.
 * Ends with its client.
 */
export class Bridge implements Joined {
  readonly #client: Transport
  readonly #server: FarServer
  readonly #options: JoinOptions
  readonly #relay: Relay
  readonly #exchanges: Exchanges
  readonly #sessionChannel: Channel
  readonly #exchangeChannel: Channel
  #hasSession = false
  #exchanging: Promise<void> | undefined
  /** Serves a client of 2026-07-28 where the server has sessions alone. */
  #translated: Relay | undefined
  #closed: Promise<void> | undefined
  #onClosed: () => void = () => {}
  /** Resolves when the client has gone and the server knows. */
  readonly closed = new Promise<void>((resolve) => {
    this.#onClosed = resolve
  })

  constructor(client: Transport, server: FarServer, options: JoinOptions) {
    this.#client = client
    this.#server = server
    this.#options = options
    this.#sessionChannel = new Channel(client)
    this.#exchangeChannel = new Channel(client)
    this.#relay = new Relay({
      ...this.#lineOptions(false),
      early: { after: options.early, result: earlyResult },
    })
    this.#exchanges = new Exchanges({
      ...this.#lineOptions(true),
      clientInfo: { name: 'mcp-mtls', version: packageVersion },
      hasOneClient: true,
    })
  }

  /** Reads what the client says from now on. */
  async start(): Promise<void> {
    this.#client.onmessage = (message) => this.#said(message as JSONRPCMessage)
    this.#client.onclose = () => void this.close()
    this.#client.onerror = ({ message }) => this.#options.tell({ event: 'error', message })
    await this.#relay.join(this.#sessionChannel)
    await this.#client.start()
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([
      this.#relay.close(),
      this.#exchanges.close(),
      this.#translated?.close(),
      this.#client.close(),
    ]).then(() => this.#onClosed())
    return this.#closed
  }

  #lineOptions(isModern: boolean) {
    const server = this.#server
    const { name, startTimeout } = server
    const { tell } = this.#options
    const modern = () =>
      new RepeatedArguments((headersOf) => new FarTransport({ ...server, isModern: true, headersOf }))
    const session = () => new FarSession(new FarTransport({ ...server, isModern: false }), modern)
    return {
      name: `the server at ${server.url.host}`,
      maxInFlight: inFlightAtMost,
      startTimeout,
      backoff: new Backoff(undefined, longestWait),
      tellsWhy: true,
      dial: async () => (isModern ? modern() : session()),
      onOpen: () => tell({ event: 'connected', message: `connected to ${name}` }),
      onLost: ({ message }: Fault) => tell({ event: 'lost', message }),
      onError: ({ message }: Error) => tell({ event: 'error', message }),
      onEmpty: () => {},
    }
  }

  #said(message: JSONRPCMessage): void {
    if (!this.#isModern(message)) return this.#sessionChannel.says(message)
    this.#exchanging ??= this.#exchange().catch((error) => {
      this.#exchanging = undefined
      throw error
    })
    this.#exchanging.then(
      () => this.#exchangeChannel.says(message),
      (fault) => this.#refuse(message, fault),
    )
  }

  /** A request of 2026-07-28 says so itself; notifications and answers belong to what was begun with. */
  #isModern(message: JSONRPCMessage): boolean {
    if (!('method' in message)) return false
    if (metaOf(message.params)?.[metaKeys.protocolVersion] !== undefined) return true
    if (message.method === 'server/discover') return true
    if (message.method === 'initialize') this.#hasSession = true
    return !('id' in message) && !this.#hasSession && this.#exchanging !== undefined
  }

  /** Rejects with a `Fault` while it is not known which revisions the server speaks. */
  async #exchange(): Promise<void> {
    try {
      await this.#exchanges.open()
      await this.#exchanges.join(this.#exchangeChannel)
    } catch (error) {
      if (!(error instanceof NotModern)) throw error
      const { onOnlySessions } = this.#options
      if (onOnlySessions) {
        onOnlySessions()
        throw error
      }
      const relay = new Relay(this.#lineOptions(false))
      this.#translated = relay // before it is waited: `close` may come
      const { ExchangesOnSession } = await import('./translate/exchanges-on-session.js')
      await ExchangesOnSession.open(this.#exchangeChannel, (client) => relay.join(client), this.#options.tell)
    }
  }

  #refuse(message: JSONRPCMessage, fault: Fault): void {
    if (!('method' in message) || !('id' in message)) return
    void this.#client.send(faultAnswer((message as JSONRPCRequest).id, fault)).catch(() => {})
  }
}

/** Of a server that has not answered yet. What it really has is told as a change of all of it. */
function earlyResult({ params }: JSONRPCRequest) {
  const listChanged = { listChanged: true }
  return {
    protocolVersion: String(params?.protocolVersion),
    capabilities: { tools: listChanged, prompts: listChanged, resources: listChanged },
    serverInfo: { name: 'mcp-mtls-bridge', version: packageVersion },
  }
}
