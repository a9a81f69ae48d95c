import type { Logger } from 'pino'
import type { Dispatcher } from 'undici'
import type { SessionLimits } from '../../config/index.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { callerFacts } from '../../server/caller-facts.js'
import { callerIn } from '../../server/identity-of.js'
import type { ServeBase } from '../../server/listening-server.js'
import type { Dispatch } from '../../server/mcp/dispatch.js'
import { type Exchange, refusal, tooMany } from '../../server/mcp/exchange.js'
import type { Behind } from '../../server/ops/behind.js'
import { protocolVersions } from '../../server/ops/health.js'
import { verifiedLeaf } from '../../server/verified-leaf.js'
import { stamped } from '../stamp.js'
import { messageIn, passedEvents, readAnswer } from './answer.js'
import { badGateway, faultIn } from './faults.js'
import { answerHeaders, identityHeaders, requestHeaders, type Told } from './headers.js'
import { Held } from './held.js'
import { CallCount, OpenCalls } from './open-calls.js'
import { type OwnedSession, Owners } from './owners.js'
import { Pools } from './pool.js'
import { Reach } from './reach.js'

export type UpstreamOptions = Pick<ServeBase, 'name' | 'onCall' | 'onRefused'> & {
  readonly sessions: SessionLimits
  readonly logger: Logger | undefined
}

/** Milliseconds to end a session of the server behind. */
const deleteTimeout = 5000

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
    this.#owners = new Owners(options.sessions, (session) => void this.#delete(session))
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
    const { response, web } = exchange
    const passage = this.#begin(exchange)
    const { calls } = passage
    const end = () => {
      calls.end(response.writableFinished ? 'error' : 'aborted')
      this.#passages.delete(passage)
      if (passage.session) this.#owners.leave(passage.session)
    }
    if (web.signal.aborted) {
      end()
      throw web.signal.reason // nobody waits for the answer
    }
    this.#passages.add(passage)
    response.once('close', end)
    const refused = this.#refuse(passage)
    if (!refused) return this.#pass(passage)
    calls.end('error')
    return refused
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
    const { request, authInfo, calls, web } = exchange
    const caller = callerIn(authInfo)
    const told = caller && { id: caller.id, leaf: verifiedLeaf(request) }
    const stop = new AbortController()
    web.signal.addEventListener('abort', () => stop.abort(web.signal.reason), { once: true })
    return {
      exchange,
      calls: OpenCalls.begin(calls, this.#calls),
      told,
      headers: requestHeaders(request.headers, told),
      isNews: request.method === 'GET' || calls.some(({ method }) => method === 'subscriptions/listen'),
      stop,
      session: undefined,
    }
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
      withOwnEvent(headers, passage.session)
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
    const stream = passedEvents(body, {
      response: exchange.response,
      held: this.#held.share(exchange.authInfo?.clientId),
      onId: (id) => session?.events.add(id),
      isHeard: () => !calls.isEmpty || session?.isAwaited === true,
      onMessage: (message) => this.#heard(passage, message),
      atEnd: ({ isResumable, error }) => {
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
    const message = calls.isEmpty ? undefined : messageIn(bytes.toString())
    if (message !== undefined) this.#heard(passage, message)
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

  /** Takes note of a message of the server behind. */
  #heard({ calls, session }: Passage, message: unknown): void {
    for (const { call, result } of calls.answered(message)) {
      const isInitialize = call.method === 'initialize'
      const version = isInitialize ? String(result.protocolVersion) : call.protocolVersion
      if (protocolVersions.includes(version)) this.spoken.add(version)
      if (isInitialize && session) session.protocolVersion = version
    }
    for (const parked of session?.parked ?? []) parked.answered(message)
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
  #failed({ exchange, calls, stop }: Passage, error: unknown): Response {
    const { web, body } = exchange
    calls.end(stop.signal.aborted ? 'aborted' : 'error')
    if (web.signal.aborted) throw error // nobody waits for it
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

  /** Ends a session of the server behind, which would keep it for long. */
  async #delete({ id, owner, told, protocolVersion }: OwnedSession): Promise<void> {
    const headers = {
      'mcp-session-id': id,
      ...(protocolVersion !== undefined && { 'mcp-protocol-version': protocolVersion }),
      ...(told && identityHeaders(told)),
    }
    try {
      const signal = AbortSignal.timeout(deleteTimeout)
      const { body } = await this.#pools
        .of(owner)
        .request({ method: 'DELETE', path: this.#pathFor(), headers, signal })
      await body.dump()
    } catch {} // it has gone, or does not end sessions
  }

  /** The path of the URL; a query of the client, where the URL has none. */
  #pathFor(asked = ''): string {
    const { pathname, search } = this.#url
    return pathname + (search || (/\?[\x21\x22\x24-\x7e]*/.exec(asked)?.[0] ?? ''))
  }
}

/**
 * A stream goes on after an event of its own session alone. Where that is not known, its client gets a new one, as one does
 * that was away for too long.
 */
function withOwnEvent(headers: Record<string, string>, session: OwnedSession | undefined): void {
  const id = headers['last-event-id']
  // Headers are bytes, ids are UTF-8.
  if (id !== undefined && !session?.events.has(Buffer.from(id, 'latin1').toString()))
    delete headers['last-event-id']
}

function problemOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  const { 'content-encoding': coding = 'identity', 'transfer-encoding': transfer = 'chunked' } = headers
  if (statusCode >= 300 && statusCode < 400)
    return `answered with a redirect (${statusCode}), which is not followed: name the URL that it leads to`
  if (statusCode > 599) return `answered with status ${statusCode}, which HTTP does not have`
  if (String(coding).toLowerCase() !== 'identity' || !/^chunked$/i.test(String(transfer)))
    return 'answered in a compressed form, for which it was not asked'
  return undefined
}

/** One message, or a batch, which has some. */
function messagesOf(body: unknown): readonly unknown[] {
  return Array.isArray(body) && body.length > 0 ? body : [body]
}

/** What is none might be read behind as what nobody has judged. */
function isMessage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { jsonrpc, method, id } = value as Record<string, unknown>
  return jsonrpc === '2.0' && (typeof method === 'string' || (method === undefined && id !== undefined))
}

/** An error that is about no request of its own (JSON-RPC 2.0 section 5): it has the words for all of them. */
function isErrorOfAll(message: unknown): boolean {
  const { id, error } = (message ?? {}) as { readonly id?: unknown; readonly error?: unknown }
  return (id ?? null) === null && typeof error === 'object' && error !== null
}

function isJson(type = ''): boolean {
  return /^application\/json[ \t]*(;|$)/i.test(type)
}

function stopping(): Response {
  return refusal(503, -32000, 'The server is stopping')
}

function sessionNotFound(): Response {
  return refusal(404, -32001, 'Session not found')
}
