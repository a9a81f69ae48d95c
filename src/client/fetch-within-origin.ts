import {
  type Agent,
  Dispatcher,
  Headers,
  type RequestInit,
  type Response,
  fetch as undiciFetch,
} from 'undici'
import { MtlsError } from '../errors.js'
import { ofPeer } from '../text/of-peer.js'
import { urlIn } from '../text/url.js'
import { type Answer, exchange, type TextRequest } from './exchange.js'
import { explainFailure } from './failure.js'

/** As many as `fetch` follows (Fetch standard, HTTP-redirect fetch). */
const mostRedirects = 20

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const bodyHeaders = ['content-encoding', 'content-language', 'content-location', 'content-type'] as const

/**
 * Dispatches to one origin, whatever the URL says: the Fetch standard blocks ports (6000, 10080 …), so `fetch` is shown
 * none. Not `agent.compose`: what passes an interceptor has its headers decoded and encoded, and loses what is not ASCII.
 */
class OriginDispatcher extends Dispatcher {
  /** Whether undici has begun to write a request on a connection, also one that was answered by a redirect. */
  hasWritten = false
  readonly #agent: Agent
  readonly #origin: string

  constructor(agent: Agent, origin: string) {
    super()
    this.#agent = agent
    this.#origin = origin
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#agent.dispatch({ ...options, origin: this.#origin }, this.#notice(handler))
  }

  /** undici calls these members right before it writes. The handler is `fetch`'s own, made for this request. */
  #notice(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    for (const name of ['onConnect', 'onRequestStart'] as const) {
      const member = handler[name] as ((...all: unknown[]) => void) | undefined
      if (!member) continue
      handler[name] = (...all: unknown[]) => {
        this.hasWritten = true
        member.apply(handler, all)
      }
    }
    return handler
  }
}

/**
 * `fetch` over this agent, to any port, that follows redirects within the origin alone: one must not carry our
 * certificate to somebody else, nor a plain request off this machine. Throws what `explainFailure` gives.
 */
export async function fetchWithinOrigin(agent: Agent, target: URL, init: RequestInit): Promise<Response> {
  const request = textRequest(init)
  if (!request) return continued(agent, target, init, undefined)
  return continued(agent, target, init, await sent(agent, target, request))
}

/** The same below `fetch`. An answer that is not as `isPlain` says becomes what `fetchWithinOrigin` gives. */
export async function exchangeWithinOrigin(
  agent: Agent,
  target: URL,
  request: TextRequest,
  isPlain: (answer: Answer) => boolean,
): Promise<Answer | Response> {
  const answer = await sent(agent, target, request)
  if (isPlain(answer)) return answer
  const { method, headers, body, signals } = request
  const init = { method, headers, body, signal: AbortSignal.any([...signals]) }
  return continued(agent, target, init, answer)
}

async function sent(agent: Agent, target: URL, request: TextRequest): Promise<Answer> {
  let hasWritten = false
  try {
    return await exchange(agent, target, request, () => {
      hasWritten = true
    })
  } catch (error) {
    throw explainFailure(error, target, hasWritten ? 'maybe' : 'no')
  }
}

/** What comes of a request that was answered so; undefined when it is still to be made. */
async function continued(
  agent: Agent,
  target: URL,
  init: RequestInit,
  answer: Answer | undefined,
): Promise<Response> {
  const dispatcher = new OriginDispatcher(agent, target.origin)
  dispatcher.hasWritten = answer !== undefined
  try {
    return await followed(dispatcher, target, init, answer?.response())
  } catch (error) {
    throw explainFailure(error, target, dispatcher.hasWritten ? 'maybe' : 'no')
  }
}

const known = new Set(['method', 'headers', 'body', 'signal', 'redirect'])

/** A request that needs nothing of `fetch`; undefined for another, and for one that `fetch` would refuse. */
function textRequest(init: RequestInit): TextRequest | undefined {
  const { method = 'GET', body = null, signal, redirect = 'follow' } = init
  if (method !== 'POST' && (method !== 'GET' || body !== null)) return undefined
  if (body !== null && typeof body !== 'string') return undefined
  if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal)) return undefined
  if (!/^(follow|manual|error)$/.test(redirect)) return undefined
  for (const name in init) if (!known.has(name)) return undefined
  const headers: Record<string, string> = {}
  for (const [name, value] of new Headers(init.headers)) {
    if (name === 'range' || name.startsWith('if-')) return undefined // they change what `fetch` sends
    headers[name] = value
  }
  if (body !== null) headers['content-type'] ??= 'text/plain;charset=UTF-8'
  return { method, headers, body, signals: signal ? [signal] : [] }
}

async function followed(
  dispatcher: OriginDispatcher,
  target: URL,
  init: RequestInit,
  answer: Response | undefined,
): Promise<Response> {
  const { origin } = target
  let url = target
  let request = init
  for (let count = 0; ; count++) {
    const response =
      (count === 0 && answer) ||
      (await undiciFetch(withoutPort(url), { ...request, redirect: 'manual', dispatcher }))
    const location = redirects.has(response.status) ? response.headers.get('location') : null
    if (location === null || init.redirect === 'manual')
      return Object.defineProperties(response, {
        url: { value: withoutFragment(url) },
        redirected: { value: count > 0 },
        type: { value: 'basic' },
      })
    await response.body?.cancel()
    if (init.redirect === 'error')
      throw new MtlsError(
        'CONNECTION_FAILED',
        `unexpected redirect: ${origin} sends this request elsewhere`,
        {
          hint: "Leave out `redirect: 'error'` to follow redirects within that origin.",
        },
      )
    url = urlWithin(origin, location, url)
    request = redirectedRequest(request, response.status, origin)
    if (count === mostRedirects)
      throw new MtlsError('CONNECTION_FAILED', `${origin} redirects more than ${mostRedirects} times`)
  }
}

function urlWithin(origin: string, location: string, base: URL): URL {
  const next = urlIn(location, base)
  if (next?.origin !== origin) {
    const where = next ? `${next.protocol}//${next.host}` : ofPeer(location)
    throw new MtlsError(
      'CONNECTION_FAILED',
      `${origin} redirects to ${where}, which is refused: this client is meant for ${origin} alone`,
      { hint: 'Use the URL it redirects to, if you trust that server.' },
    )
  }
  next.username = next.password = ''
  return next
}

/** What follows a redirect: a GET in place of most others (Fetch standard), or the same once more. */
function redirectedRequest(request: RequestInit, status: number, origin: string): RequestInit {
  const { method = 'GET', body } = request
  const becomesGet = status === 303 ? !/^(GET|HEAD)$/i.test(method) : status < 303 && /^POST$/i.test(method)
  if (becomesGet) {
    const headers = new Headers(request.headers)
    for (const name of bodyHeaders) headers.delete(name)
    return { ...request, method: 'GET', body: null, headers }
  }
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
    throw new MtlsError(
      'CONNECTION_FAILED',
      `${origin} redirects a request whose body is a stream, which cannot be sent again`,
      { hint: 'Use the URL it redirects to, if you trust that server.' },
    )
  return request
}

function withoutPort(url: URL): URL {
  const copy = new URL(url)
  copy.port = ''
  return copy
}

function withoutFragment(url: URL): string {
  return url.hash === '' ? url.href : url.href.replace(/#.*$/, '')
}
