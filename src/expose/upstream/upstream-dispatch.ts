import type { JSONRPCErrorResponse } from '@modelcontextprotocol/server'
import type { Logger } from 'pino'
import type { Dispatcher } from 'undici'
import type { Call } from '../../auth/call.js'
import { ownerOf } from '../../auth/identity.js'
import type { SessionLimits } from '../../config/index.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { callerFacts } from '../../server/caller-facts.js'
import { callerIn } from '../../server/identity-of.js'
import type { ServeBase } from '../../server/listening-server.js'
import type { Dispatch } from '../../server/mcp/dispatch.js'
import { type Exchange, listenerOf, refusal, tooMany } from '../../server/mcp/exchange.js'
import type { Behind } from '../../server/ops/behind.js'
import { protocolVersions } from '../../server/ops/health.js'
import { verifiedLeaf } from '../../server/verified-leaf.js'
import { stamped } from '../stamp.js'
import { messageIn, passedEvents, readAnswer } from './answer.js'
import { Aside } from './aside.js'
import { badGateway, faultIn } from './faults.js'
import { isErrorOfAll, isJson, isMessage, messagesOf, problemOf } from './forms.js'
import { answerHeaders, requestHeaders, type Told } from './headers.js'
import { Held } from './held.js'
import { CallCount, OpenCalls } from './open-calls.js'
import { OwnRequests } from './own-requests.js'
import { type ListKind, type OwnedSession, Owners } from './owners.js'
import { Pools } from './pool.js'
import { Reach } from './reach.js'
import { seen } from './seen.js'
import { withOwnEvent } from './seen-events.js'

export type UpstreamOptions = Pick<ServeBase, 'name' | 'onCall' | 'onRefused' | 'oversight'> & {
  readonly sessions: SessionLimits
  readonly logger: Logger | undefined
}

/** A request on its way through. */
interface Passage {
  readonly exchange: Exchange
  readonly calls: OpenCalls
  readonly told: Told | undefined
  readonly headers: Record<string, string>
  /** A stream that waits for news. */
  readonly isNews: boolean
  /** Ends it; its client does that too, by going away. */
  readonly stop: AbortController
  /** The session it is in, or the place for the one that it opens. */
  session: OwnedSession | undefined
  /** Its calls may not go on. */
  revoked?: JSONRPCErrorResponse['error']
}

/**
 * Passes requests on to an MCP server over plain HTTP on this machine, as HTTP: it adds who calls, takes away what a client
 * may not say, and lets nobody into the session of another. A request is sent once: it may have run.
 */
export class UpstreamDispatch implements Dispatch {
  readonly #url: URL
  /** For people: without its query, which may hold a key. */
  readonly #server: string
  readonly #options: UpstreamOptions
  readonly #pools: Pools
  readonly #reach: Reach
  readonly #owners: Owners
  readonly #own: OwnRequests
  readonly #calls: CallCount
  readonly #held = new Held()
  readonly #passages = new Set<Passage>()
  /** Revisions in which it has answered. */
  readonly spoken = new Set<string>()
  #isDraining = false
  #lastTold = 0

  constructor(url: URL, options: UpstreamOptions) {
    this.#url = url
    this.#server = `the server behind this one, ${url.origin}${url.pathname},`
    this.#options = options
    this.#pools = new Pools(url)
    this.#reach = new Reach(url, this.#server, options.name, options.logger)
    this.#own = new OwnRequests(this.#pools, this.#pathFor())
    this.#owners = new Owners(options.sessions, (session) => this.#own.endSession(session))
    this.#calls = new CallCount(options.onCall)
  }

  get behind(): Behind {
    return { callsInFlight: this.#calls.running, ...this.#reach.state }
  }

  get sessions(): Dispatch['sessions'] {
    return { open: this.#owners.size, ended: this.#owners.ended }
  }

  versionOf(session: string | undefined, owner: string | undefined): string | undefined {
    return this.#owners.find(session, owner)?.protocolVersion
  }

  async answer(exchange: Exchange): Promise<Response> {
    const { response, signal } = exchange
    const passage = this.#begin(exchange)
    const { calls } = passage
    const end = () => {
      calls.end(response.writableFinished ? 'error' : 'aborted')
      this.#passages.delete(passage)
      if (passage.session) this.#owners.leave(passage.session)
    }
    if (signal.aborted) {
      end()
      throw signal.reason // nobody waits for the answer
    }
    this.#passages.add(passage)
    response.once('close', end)
    const refused = this.#refuse(passage)
    if (!refused) return this.#pass(passage)
    calls.end('error')
    return refused
  }

  /** Tells clients with a session, as the server behind would. */
  changed(kind: ListKind): void {
    this.#owners.changed(kind)
  }

  /** Ends the streams that wait for news; calls that run get their answer. */
  drain(): void {
    this.#isDraining = true
    for (const { isNews, stop } of this.#passages) if (isNews) stop.abort()
  }

  async close(): Promise<void> {
    this.#isDraining = true
    for (const { stop } of this.#passages) stop.abort()
    this.#owners.close()
    this.#reach.close()
    await this.#pools.destroy()
  }

  #begin(exchange: Exchange): Passage {
    const { request, authInfo, calls, signal } = exchange
    const caller = callerIn(authInfo)
    const told = caller && { id: ownerOf(caller), leaf: verifiedLeaf(request) }
    const stop = new AbortController()
    signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true })
    const passage: Passage = {
      exchange,
      calls: OpenCalls.begin(calls, this.#calls),
      told,
      headers: requestHeaders(request.headers, told),
      isNews: request.method === 'GET' || calls.some(({ method }) => method === 'subscriptions/listen'),
      stop,
      session: undefined,
    }
    for (const call of calls)
      this.#options.oversight?.begun(call, { revoke: (error) => this.#revoke(passage, call, error) })
    return passage
  }

  /** Ends a request with a call that may not go on; the server behind is told to give it up. */
  #revoke(passage: Passage, call: Call, error: JSONRPCErrorResponse['error']): boolean {
    const { session, stop } = passage
    passage.revoked = error
    stop.abort()
    session?.asked.delete(call.id)
    // It waits for its answer on another stream.
    if (session?.parked.some((parked) => parked.giveUp(call)))
      session.tell({ jsonrpc: '2.0', id: call.id, error })
    const params = { requestId: call.id, reason: error.message }
    if (session) this.#own.notify(session, { jsonrpc: '2.0', method: 'notifications/cancelled', params })
    return true
  }

  /** Finds the session that a request is in, or a place for the one that it opens; otherwise why it goes no further. */
  #refuse(passage: Passage): Response | undefined {
    const { exchange, told, headers, isNews, stop } = passage
    const { request, response, authInfo, calls } = exchange
    if (request.method === 'POST' && !isJson(request.headers['content-type']))
      return refusal(415, -32000, 'Unsupported Media Type: Content-Type must be application/json')
    if (request.method === 'POST' && !messagesOf(exchange.body).every(isMessage))
      return refusal(400, -32600, 'Invalid Request: the body is no message of JSON-RPC')
    if (this.#isDraining && isNews) return stopping()
    const owner = authInfo?.clientId
    // The one that arrives behind: `Connection` may have named the header.
    const id = headers['mcp-session-id']
    if (id !== undefined) {
      passage.session = this.#owners.find(id, owner)
      if (!passage.session) {
        const message = `${owner} asked for a session of another identity`
        // Once it is answered: an unknown session shall not be told from it by the time that this takes.
        if (this.#owners.has(id))
          response.once('close', () => this.#options.onRefused('NOT_AUTHORIZED', message, request))
        return sessionNotFound()
      }
      passage.session.use(exchange, told, stop)
      if (this.#options.oversight) passage.session.ask(calls)
      withOwnEvent(headers, passage.session.events)
      return undefined
    }
    withOwnEvent(headers, undefined)
    if (!calls.some(({ method }) => method === 'initialize')) return undefined
    if (this.#isDraining) return stopping()
    const place = this.#owners.place(owner)
    if (typeof place !== 'string') {
      passage.session = place
      return undefined
    }
    this.#options.onRefused('RATE_LIMITED', place, request)
    return tooMany(place)
  }

  async #pass(passage: Passage): Promise<Response> {
    const { exchange, headers, stop } = passage
    const { method = 'GET' } = exchange.request
    const caller = callerIn(exchange.authInfo)
    const isPost = method === 'POST'
    let answer: Dispatcher.ResponseData
    try {
      answer = await this.#pools.of(exchange.authInfo?.clientId).request({
        method: method as Dispatcher.HttpMethod,
        path: this.#pathFor(exchange.request.url),
        headers: { ...headers, ...(isPost && { 'content-type': 'application/json' }) },
        ...(isPost && { body: JSON.stringify(stamped(exchange.body, caller && callerFacts(caller))) }),
        signal: stop.signal,
      })
    } catch (error) {
      return this.#failed(passage, error)
    }
    this.#reach.succeeded()
    answer.body.on('error', () => {}) // whoever reads it hears of it; a request may end before
    const problem = problemOf(answer)
    if (problem !== undefined) {
      answer.body.destroy()
      return this.#wrong(passage, problem)
    }
    const passed = answerHeaders(answer.headers)
    if (!this.#takesSession(passage, answer.statusCode, passed)) {
      answer.body.destroy()
      return this.#wrong(passage, 'gave a session that cannot be taken')
    }
    return /^text\/event-stream/i.test(passed.get('content-type') ?? '')
      ? this.#passStream(passage, answer, passed)
      : this.#passWhole(passage, answer, passed)
  }

  #passStream(passage: Passage, { statusCode, body }: Dispatcher.ResponseData, headers: Headers): Response {
    const { exchange, calls, session, stop } = passage
    const { oversight } = this.#options
    const aside = new Aside()
    if (exchange.request.method === 'GET') session?.listen(aside, exchange)
    const stream = passedEvents(body, {
      response: exchange.response,
      aside,
      held: this.#held.share(exchange.authInfo?.clientId),
      onId: (id) => session?.events.add(id),
      isHeard: () => oversight !== undefined || !calls.isEmpty || session?.isAwaited === true,
      isJudged: oversight !== undefined,
      onMessage: (message) => this.#heard(passage, message),
      atEnd: ({ isResumable, error }) => {
        const { revoked } = passage
        if (revoked) {
          const { waiting } = calls
          calls.end('aborted')
          return waiting.map(({ id }) => ({ jsonrpc: '2.0', id, error: revoked }))
        }
        if (stop.signal.aborted) calls.end('aborted')
        else if (error !== undefined) this.#reach.look()
        if (calls.isEmpty) return []
        // Its client can come back for the answer; an error here would be a second one.
        if (isResumable && session) {
          session.park(calls.handOver())
          return []
        }
        const lost = calls.waiting.map(({ id }) => faultAnswer(id, faultIn(error, this.#server)))
        calls.end('error')
        return lost
      },
    })
    return new Response(ReadableStream.from(stream) as ReadableStream, { status: statusCode, headers })
  }

  async #passWhole(
    passage: Passage,
    { statusCode, body }: Dispatcher.ResponseData,
    headers: Headers,
  ): Promise<Response> {
    const { exchange, calls, session, stop } = passage
    let bytes: Buffer
    try {
      bytes = await readAnswer(body, this.#held.share(exchange.authInfo?.clientId))
    } catch (error) {
      return this.#failed(passage, error)
    }
    if (passage.revoked) return this.#failed(passage, undefined) // it came in the last moment
    const { oversight } = this.#options
    const message = calls.isEmpty && !oversight ? undefined : messageIn(bytes.toString())
    const heard = message === undefined ? undefined : this.#heard(passage, message)
    if (heard !== message || (oversight && heard === undefined))
      bytes = Buffer.from(heard === undefined ? '' : JSON.stringify(heard))
    // Its client would wait for an answer that does not come any more.
    if (statusCode < 300 && calls.waiting.length > 0 && !isErrorOfAll(message))
      return this.#wrong(
        passage,
        'answered, and not all that it was asked; what is missing may have run',
        message,
      )
    calls.end('error')
    const isDeleted = exchange.request.method === 'DELETE' && statusCode < 300
    if (session && (isDeleted || statusCode === 404)) {
      session.open.delete(stop) // this answer is to arrive
      this.#owners.end(session, isDeleted ? 'deleted' : 'failed')
    }
    const hasBody = statusCode !== 204 && statusCode !== 205
    return new Response(hasBody ? new Uint8Array(bytes) : null, { status: statusCode, headers })
  }

  /** Takes note of a message of the server behind; gives it as its client may see it, undefined where it may not. */
  #heard({ exchange, calls, session, revoked }: Passage, message: unknown): unknown {
    if (revoked) return undefined // what still waits in its stream
    const answered = calls.answered(message)
    for (const { call, result } of answered) {
      const isInitialize = call.method === 'initialize'
      const version = isInitialize ? String(result.protocolVersion) : call.protocolVersion
      if (protocolVersions.includes(version)) this.spoken.add(version)
      if (isInitialize && session) session.initialized(version, result)
    }
    for (const parked of session?.parked ?? []) parked.answered(message)
    const { oversight } = this.#options
    if (!oversight) return message
    return seen(message, {
      oversight,
      listener: listenerOf(exchange),
      callOf: (id) => answered.find(({ call }) => call.id === id)?.call,
      earlierCallOf: (id) => session?.asked.get(id),
    })
  }

  /** Whether the session that an answer names, if it does, is one of whom it goes to; from now on it is. */
  #takesSession(passage: Passage, status: number, headers: Headers): boolean {
    const { exchange, told, session, stop } = passage
    const id = headers.get('mcp-session-id')
    if (id === null || id === session?.id) return true
    if (status >= 400) {
      headers.delete('mcp-session-id')
      return true
    }
    const isPlace = session !== undefined && session.id === undefined
    const place = isPlace ? session : this.#owners.place(exchange.authInfo?.clientId)
    const taken = typeof place === 'string' ? undefined : this.#owners.claim(id, place)
    if (!taken) return false
    passage.session = taken
    taken.use(exchange, told, stop)
    return true
  }

  /** The answer where the server behind gave none, or one that broke off. */
  #failed({ exchange, calls, stop, revoked }: Passage, error: unknown): Response {
    const { signal, body } = exchange
    calls.end(stop.signal.aborted ? 'aborted' : 'error')
    if (signal.aborted) throw error // nobody waits for it
    if (revoked) {
      const answers = exchange.calls.map(({ id }) => ({ jsonrpc: '2.0', id, error: revoked }))
      return Response.json(Array.isArray(body) ? answers : answers[0])
    }
    if (stop.signal.aborted) return this.#isDraining ? stopping() : sessionNotFound()
    const fault = faultIn(error, this.#server)
    if (fault.sent === 'no') this.#reach.failed()
    else this.#reach.look()
    return badGateway(exchange.calls, Array.isArray(body), fault)
  }

  /** The answer where that of the server behind cannot be passed on. */
  #wrong({ exchange, calls }: Passage, problem: string, message?: unknown): Response {
    const { waiting } = calls
    calls.end('error')
    this.#tellWrong(problem)
    const fault = new Fault(`${this.#server} ${problem}`, 'maybe')
    if (Array.isArray(message) && waiting.length < exchange.calls.length)
      return Response.json([...message, ...waiting.map(({ id }) => faultAnswer(id, fault))])
    return badGateway(exchange.calls, Array.isArray(exchange.body), fault)
  }

  /** One line a second: it may be wrong each time. */
  #tellWrong(problem: string): void {
    if (Date.now() - this.#lastTold < 1000) return
    this.#lastTold = Date.now()
    const { name, logger } = this.#options
    logger?.warn({ event: 'upstream-wrong', name }, `${this.#server} ${problem}`)
  }

  /** The path of the URL; a query of the client, where the URL has none. */
  #pathFor(asked = ''): string {
    const { pathname, search } = this.#url
    return pathname + (search || (/\?[\x21\x22\x24-\x7e]*/.exec(asked)?.[0] ?? ''))
  }
}

function stopping(): Response {
  return refusal(503, -32000, 'The server is stopping')
}

function sessionNotFound(): Response {
  return refusal(404, -32001, 'Session not found')
}
