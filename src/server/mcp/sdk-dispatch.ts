import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AuthInfo, InMemoryServerEventBus } from '@modelcontextprotocol/server'
import type { SessionLimits } from '../../config/index.js'
import { type AnyMcpServer, type AnyServerFactory, checkedServer, claim } from './any-server.js'
import type { LateMessage } from './conversation.js'
import type { Dispatch, KnownRequest, Notify } from './dispatch.js'
import type { Exchange } from './exchange.js'
import type { BodyLimits } from './json-body.js'
import { Modern } from './modern.js'
import type { EndedCall } from './outcome.js'
import type { Oversight } from './oversight.js'
import { Pool, type PoolOptions } from './pool.js'
import { SaidTooLate } from './said-too-late.js'
import { Sessions } from './sessions.js'
import { answerStateless, type StatelessOptions } from './stateless.js'
import type { SlowReaders } from './write.js'

export interface SdkOptions extends BodyLimits {
  /** Name of the server. */
  readonly name: string
  /** Undefined: no sessions. */
  readonly sessions: SessionLimits | undefined
  readonly maxRequestsPerIdentity: number
  /** A server for each request, always. */
  readonly perRequest: boolean
  /** How long a client may read nothing of its answer; milliseconds. */
  readonly idleTimeout: number
  readonly onError: (error: Error) => void
  readonly onCall: (ended: EndedCall) => void
  readonly oversight?: Oversight | undefined
  readonly onLate: (late: LateMessage) => void
  /** Told why each request has a server of its own from now on. */
  readonly onPerRequest: (reason: string) => void
  readonly onRefused: (
    reason: 'NOT_AUTHORIZED' | 'RATE_LIMITED',
    message: string,
    request: IncomingMessage,
  ) => void
}

/** Answers by servers of the SDK, of any version, that a factory makes: in every revision, with sessions and without. */
export class SdkDispatch implements Dispatch {
  readonly notify: Notify
  readonly #parts: StatelessOptions
  readonly #modern: Modern
  readonly #pool: Pool | undefined
  readonly #sessions: Sessions | undefined

  constructor(factory: AnyServerFactory, options: SdkOptions, slow: SlowReaders) {
    const { oversight, onCall, onLate, onError, sessions } = options
    const make: PoolOptions['make'] = async (context, reader) => {
      const server = checkedServer(await factory(this.#pool?.watchContext(context, reader) ?? context))
      this.#pool?.noteMade(server)
      claim(server)
      SaidTooLate.release(server)
      return server
    }
    const conversation = {
      oversight,
      onLate,
      onError: (error: unknown) => onError(error instanceof Error ? error : new Error(String(error))),
      onCall: (ended: EndedCall, server: AnyMcpServer | undefined) => {
        onCall(ended)
        this.#pool?.noteCalm(ended, server)
      },
    }
    const parts = {
      make,
      conversation: {
        ...conversation,
        watch: (server: AnyMcpServer) => this.#pool?.watch(server),
        onUnaddressed: () => this.#pool?.end('a server speaks without saying for which call'),
      },
    }
    this.#pool = options.perRequest
      ? undefined
      : new Pool({
          ...parts,
          ...options,
          onEnd: options.onPerRequest,
          onSlow: (response, authInfo) => slow.add(authInfo?.clientId ?? '', response),
        })
    this.#parts = parts
    const bus = new InMemoryServerEventBus(onError)
    this.#modern = new Modern({ ...parts, ...options, bus })
    this.#sessions =
      sessions &&
      new Sessions({
        make,
        conversation,
        ...sessions,
        maxRequestsPerIdentity: options.maxRequestsPerIdentity,
        onRefused: (reason, message, { request }) => options.onRefused(reason, message, request),
      })
    const tell = (kind: 'tools' | 'prompts' | 'resources') => {
      this.#pool?.renew()
      bus.publish({ kind: `${kind}_list_changed` })
      this.#sessions?.notify({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
    }
    this.notify = {
      toolsChanged: () => tell('tools'),
      promptsChanged: () => tell('prompts'),
      resourcesChanged: () => tell('resources'),
      resourceUpdated: (uri) => {
        bus.publish({ kind: 'resource_updated', uri })
        this.#sessions?.notify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })
      },
    }
  }

  get sessions(): Dispatch['sessions'] {
    return this.#sessions && { open: this.#sessions.size, ended: this.#sessions.ended }
  }

  answersAtOnce(
    request: IncomingMessage,
    response: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: unknown,
    known?: KnownRequest,
  ): boolean {
    return this.#pool?.answers(request, response, authInfo, body, known) ?? false
  }

  versionOf(session: string | undefined, owner: string | undefined): string | undefined {
    return this.#sessions?.versionOf(session, owner)
  }

  answer(exchange: Exchange): Promise<Response> {
    if (!exchange.isLegacy) return this.#modern.answer(exchange) // and all that is no message of MCP: it has the words
    if (this.#sessions) return this.#sessions.answer(exchange)
    return answerStateless(exchange, this.#parts)
  }

  drain(): void {
    this.#sessions?.drain()
    void this.#modern.drain()
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool?.close(), this.#sessions?.close(), this.#modern.close()])
  }
}
