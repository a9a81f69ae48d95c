import {
  createMcpHandler,
  type InMemoryServerEventBus,
  type JSONRPCRequest,
  PerRequestHTTPServerTransport,
  ProtocolError,
  UnsupportedProtocolVersionError,
} from '@modelcontextprotocol/server'
import { earlierVersions } from '../ops/health.js'
import { type AnyMcpServer, closeServer, type FactoryContext, giveBack, isOfThisSdk } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import type { Exchange } from './exchange.js'

export interface ModernOptions {
  readonly make: (context: FactoryContext) => Promise<AnyMcpServer>
  readonly conversation: ConversationOptions
  readonly maxBodyBytes: number
  readonly onError: (error: Error) => void
  /** Carries changes to those who listen for them (`subscriptions/listen`). */
  readonly bus: InMemoryServerEventBus
}

/** Serves revision 2026-07-28: no sessions, one server for each request. */
export class Modern {
  readonly #calls
  readonly #subscriptions
  readonly #exchanges = new WeakMap<Request, Served>()
  /** Streams of those that listen to a server elsewhere. */
  readonly #relayed = new Set<PerRequestHTTPServerTransport>()
  readonly #options: ModernOptions

  constructor(options: ModernOptions) {
    this.#options = options
    const { onError, bus, maxBodyBytes } = options
    const handler = () =>
      createMcpHandler((context) => this.#serverFor(context), {
        legacy: 'reject',
        maxRequestBodySize: maxBodyBytes,
        onerror: (error) => {
          if (!(error instanceof Elsewhere) && !isOfClient(error)) onError(error)
        },
        bus,
        maxSubscriptions: Number.POSITIVE_INFINITY, // each is a request, of which each identity has so many
      })
    this.#calls = handler()
    // A handler of their own, since they end when a server begins to stop, and calls do not.
    this.#subscriptions = handler()
  }

  async answer(exchange: Exchange): Promise<Response> {
    const { authInfo, body, calls, web, response } = exchange
    const conversation = new Conversation(this.#options.conversation)
    conversation.begin(calls)
    const isSubscription = calls.some(({ method }) => method === 'subscriptions/listen')
    const served: Served = { conversation, isSubscription, isForeign: false }
    response.once('close', () => {
      conversation.endAll(response.writableFinished ? 'error' : 'aborted')
      if (served.server) giveBack(served.server) // a request that the SDK refused has not connected it
    })
    this.#exchanges.set(web, served)
    const answer = await (isSubscription ? this.#subscriptions : this.#calls).fetch(web, {
      ...(authInfo && { authInfo }),
      ...(body !== undefined && { parsedBody: body }),
    })
    if (served.isForeign) return unsupported(exchange)
    return served.relay ? this.#listen(served.relay, served, exchange) : answer
  }

  /** Has a server elsewhere answer one that listens. The SDK has found the request right, and would answer it by itself. */
  async #listen(relay: AnyMcpServer, { conversation }: Served, exchange: Exchange): Promise<Response> {
    const { authInfo, body, calls, web } = exchange
    const revision = calls[0]?.protocolVersion
    const transport = new PerRequestHTTPServerTransport({
      classification: { era: 'modern', ...(revision !== undefined && { revision }) },
    })
    this.#relayed.add(transport)
    await conversation.connect(relay, transport)
    const { onclose } = transport
    transport.onclose = () => {
      this.#relayed.delete(transport)
      onclose?.()
    }
    return transport.handleMessage(body as JSONRPCRequest, { request: web, ...(authInfo && { authInfo }) })
  }

  /** Ends the subscriptions; calls that run get their answer. */
  async drain(): Promise<void> {
    await Promise.all([this.#subscriptions.close(), ...[...this.#relayed].map((stream) => stream.close())])
  }

  async close(): Promise<void> {
    await Promise.all([this.drain(), this.#calls.close()])
  }

  async #serverFor(context: FactoryContext) {
    const server = await this.#options.make(context)
    const served = context.requestInfo && this.#exchanges.get(context.requestInfo)
    if (!isOfThisSdk(server)) {
      if (served) served.isForeign = true
      await closeServer(server)
      throw new ForeignServer()
    }
    if (served) served.server = server
    if (served?.isSubscription && (server as AnyMcpServer).relaysSubscriptions) {
      served.relay = server
      throw new Elsewhere()
    }
    const { connect } = server
    server.connect = async (transport) => {
      server.connect = connect
      await (served ? served.conversation.connect(server, transport) : server.connect(transport))
    }
    return server
  }
}

interface Served {
  readonly conversation: Conversation
  readonly isSubscription: boolean
  server?: AnyMcpServer
  /** Leads to the server elsewhere that answers it. */
  relay?: AnyMcpServer
  /** Its server is of another SDK, which does not speak this revision. */
  isForeign: boolean
}

/** It is not answered by the SDK: this ends its way there, and is told to nobody. */
class Elsewhere extends Error {}

class ForeignServer extends Elsewhere {}

/** What the SDK tells of a wrong request. Its client has the answer, and could fill the log with more of them. */
function isOfClient(error: Error): boolean {
  return error instanceof ProtocolError || /^(Rejected inbound|Unsupported Media Type)/.test(error.message)
}

/** What makes clients fall back to an older revision (2026-07-28, "Versioning"): HTTP 400 with the ones that are served. */
function unsupported({ calls: [call] }: Exchange): Response {
  const supported = [...earlierVersions]
  const requested = call?.protocolVersion ?? '2026-07-28'
  const { code, message, data } = new UnsupportedProtocolVersionError({ supported, requested })
  return Response.json(
    { jsonrpc: '2.0', error: { code, message, data }, id: call?.id ?? null },
    { status: 400 },
  )
}
