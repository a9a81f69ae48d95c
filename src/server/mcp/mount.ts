import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  classifyInboundRequest,
  DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
  InMemoryServerEventBus,
} from '@modelcontextprotocol/server'
import { classify } from '../../auth/call.js'
import type { SessionLimits } from '../../config/index.js'
import type { Standing } from '../../tls/peer/standing.js'
import { callerIn } from '../identity-of.js'
import { answerRefusal, jsonRpcError } from '../refuse.js'
import { type AnyMcpServer, type AnyServerFactory, checkedServer, claim } from './any-server.js'
import type { LateMessage } from './conversation.js'
import { type Exchange, webRequest } from './exchange.js'
import { type BodyLimits, BodyRefused, readJsonBody } from './json-body.js'
import { Modern } from './modern.js'
import type { EndedCall } from './outcome.js'
import { Pool, type PoolOptions } from './pool.js'
import { SaidTooLate } from './said-too-late.js'
import type { SessionEnd } from './session.js'
import { Sessions } from './sessions.js'
import { answerStateless, type StatelessOptions } from './stateless.js'
import { SlowReaders, writeAnswer } from './write.js'

/** Tells clients that something has changed: those that listen (2026-07-28), and those with a session. */
export interface Notify {
  toolsChanged(): void
  promptsChanged(): void
  resourcesChanged(): void
  /** To those that have subscribed to this URI. */
  resourceUpdated(uri: string): void
}

export interface MountOptions extends BodyLimits {
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
  readonly onLate: (late: LateMessage) => void
  /** Told why each request has a server of its own from now on. */
  readonly onPerRequest: (reason: string) => void
  readonly onRefused: (
    reason: 'NOT_AUTHORIZED' | 'RATE_LIMITED',
    message: string,
    request: IncomingMessage,
  ) => void
}

/** Who sends a request, as the gate has judged it. */
export interface Sender {
  readonly authInfo: AuthInfo | undefined
  readonly standing: Standing | undefined
}

/**
 * MCP at `/mcp`, from a factory of servers of any SDK version, in every revision: a request is read and parsed once, its
 * calls are classified once, and it goes to the part that serves its revision.
 */
export class Mount {
  readonly notify: Notify
  readonly #options: MountOptions
  readonly #parts: StatelessOptions
  readonly #modern: Modern
  readonly #slow = new SlowReaders()
  readonly #pool: Pool | undefined
  readonly #sessions: Sessions | undefined

  constructor(factory: AnyServerFactory, options: MountOptions) {
    const { onCall, onLate, onError, sessions } = options
    this.#options = options
    const make: PoolOptions['make'] = async (context, reader) => {
      const server = checkedServer(await factory(this.#pool?.watchContext(context, reader) ?? context))
      this.#pool?.noteMade(server)
      claim(server)
      SaidTooLate.release(server)
      return server
    }
    const conversation = {
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
          onSlow: (response, authInfo) => this.#slow.add(authInfo?.clientId ?? '', response),
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

  get sessions():
    | { readonly open: number; readonly ended: Readonly<Record<SessionEnd, number>> }
    | undefined {
    return this.#sessions && { open: this.#sessions.size, ended: this.#sessions.ended }
  }

  /** Answers every request, even after an error. */
  async handle(request: IncomingMessage, response: ServerResponse, sender: Sender): Promise<void> {
    let gone: AbortController | undefined
    try {
      const body = request.method === 'POST' ? await readJsonBody(request, this.#options) : undefined
      if (this.#pool?.answers(request, response, sender.authInfo, body)) return
      gone = abortedWith(response)
      const exchange = this.#classify(request, response, sender, body, gone.signal)
      await writeAnswer(response, await this.#answer(exchange), {
        isOpenEnded: isOpenEnded(exchange),
        idleTimeout: this.#options.idleTimeout,
        onSlow: () => this.#slow.add(sender.authInfo?.clientId ?? '', response),
      })
    } catch (error) {
      if (gone?.signal.aborted || response.destroyed) return
      if (error instanceof BodyRefused)
        return answerRefusal(response, error.status, jsonRpcError(error.code, error.message))
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
      answerRefusal(response, 500, jsonRpcError(-32603, 'Internal error'))
    }
  }

  /** Begins to stop: streams that wait for news end, calls that run get their answer. */
  drain(): void {
    this.#sessions?.drain()
    void this.#modern.drain()
  }

  /** Ends what is still open. */
  async close(): Promise<void> {
    await Promise.all([this.#pool?.close(), this.#sessions?.close(), this.#modern.close()])
  }

  /** Throws `BodyRefused` for a batch that its revision does not allow. */
  #classify(
    request: IncomingMessage,
    response: ServerResponse,
    sender: Sender,
    body: unknown,
    signal: AbortSignal,
  ): Exchange {
    const { headers, method = 'GET' } = request
    const revision = textOf(headers['mcp-protocol-version'])
    const inbound = classifyInboundRequest({
      httpMethod: method,
      ...optional('protocolVersionHeader', revision),
      ...optional('mcpMethodHeader', textOf(headers['mcp-method'])),
      ...optional('mcpNameHeader', textOf(headers['mcp-name'])),
      ...(body !== undefined && { body }),
    })
    const { calls, problem } = classify(body, {
      caller: callerIn(sender.authInfo),
      server: this.#options.name,
      protocolVersion:
        (inbound.kind === 'modern' ? inbound.classification.revision : undefined) ??
        this.#sessions?.versionOf(textOf(headers['mcp-session-id']), sender.authInfo?.clientId) ??
        revision ??
        DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
    })
    const isLegacy = inbound.kind === 'legacy'
    if (isLegacy && problem !== undefined) throw new BodyRefused(400, -32600, `Invalid Request: ${problem}`)
    return { request, response, ...sender, body, calls, isLegacy, web: webRequest(request, signal) }
  }

  #answer(exchange: Exchange): Promise<Response> {
    if (!exchange.isLegacy) return this.#modern.answer(exchange) // and all that is no message of MCP: it has the words
    if (this.#sessions) return this.#sessions.answer(exchange)
    return answerStateless(exchange, this.#parts)
  }
}

/** Aborted when the client goes away. */
function abortedWith(response: ServerResponse): AbortController {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone
}

/** Whether the server may send as long as it likes: the stream of a session, or of one that listens for changes. */
function isOpenEnded({ request, calls }: Exchange): boolean {
  return request.method === 'GET' || calls.some(({ method }) => method === 'subscriptions/listen')
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

function optional<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: string })
}
