import type { FetchLike } from '@modelcontextprotocol/client'
import { Agent, buildConnector } from 'undici'
import { hostPortOf, serverUrlProblem, type TlsConfig, waysTo } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { urlIn } from '../text/url.js'
import { refusalInAnswer } from '../tls/foreign-refusal.js'
import { materialSource } from '../tls/material/source.js'
import type { TlsConnection } from '../tls/peer/connection.js'
import { textOf } from './bounded.js'
import type { Connector } from './connector.js'
import { Answer, type TextRequest } from './exchange.js'
import { explainFailure, isLost, withSent } from './failure.js'
import { exchangeWithinOrigin, fetchWithinOrigin } from './fetch-within-origin.js'
import type { Generation } from './generation.js'
import { LiveConnections, type MtlsFetchOptions } from './live-connections.js'
import { defaultMaxConnections, type PoolFigures } from './pool-figures.js'

/** A `fetch` over mutual TLS, with what its connections tell. */
export interface MtlsFetch extends FetchLike {
  pool(): PoolFigures
  /** The newest connection to the origin of this URL, open or closed. */
  connection(url: string | URL): TlsConnection | undefined
  /**
   * Takes up the certificate files as they are now; true when they were others than before. Throws `RELOAD_FAILED`;
   * what was in use stays in use. This happens by itself when files change.
   */
  reload(): Promise<boolean>
  /** Lets requests in flight finish, then closes every connection. */
  close(): Promise<void>
}

/** Below `fetch`, for one who reads plain answers. */
export interface Exchanging {
  /** The answer, when it is as `isPlain` says, or the response that `fetch` gives. Throws what `fetch` throws. */
  exchange(
    target: URL,
    request: TextRequest,
    isPlain: (answer: Answer) => boolean,
  ): Promise<Answer | Response>
}

/** What `mtlsFetch` gives. */
export function fetchOver(config: TlsConfig, options: MtlsFetchOptions): MtlsFetch & Exchanging {
  const live = new LiveConnections(
    materialSource(config, 'client'),
    config.demoMode ? 'demo' : 'strict',
    options,
  )
  const ready = async (target: URL): Promise<Generation> => {
    const { connector } = live.newest ?? (await live.current())
    connector.sweep(target)
    // undici gives a socket back one turn of the event loop after its response, and sees one closed as late:
    // asked at once, it would open a second connection for the second call. A turn costs 2 µs, as much as asking
    // undici whether one of 16 connections is free.
    if (connector.open(target) > 0) await new Promise(setImmediate)
    return live.newest ?? live.current()
  }
  /** Makes a request over connections whose server qualifies now. */
  const over = async <T>(
    target: URL,
    act: (agent: Agent, connector: Connector) => Promise<T>,
  ): Promise<T> => {
    const generation = await ready(target).catch((error: unknown) => {
      throw withSent(error, 'no')
    })
    const begun = performance.now()
    const { connector } = generation
    return generation.run(async (agent) => {
      try {
        return await act(agent, connector)
      } catch (failure) {
        const refusal = isLost(failure) && connector.refusalSince(begun, target)
        if (refusal) connector.forget(target)
        throw refusal ? withSent(refusal, 'maybe') : failure
      }
    })
  }
  const accepted = (response: Response, target: URL, connector: Connector) =>
    unlessRejected(response, target, connector).catch((error: unknown) => {
      throw explainFailure(error, target)
    })
  const request: FetchLike = async (url, init) => {
    const target = checkedUrl(url, config)
    return over(target, async (agent, connector) => {
      const response = await fetchWithinOrigin(agent, target, (init ?? {}) as object)
      return accepted(response as unknown as Response, target, connector)
    })
  }
  const exchange: Exchanging['exchange'] = (target, sent, isPlain) =>
    over(target, async (agent, connector) => {
      const answer = await exchangeWithinOrigin(agent, target, sent, isPlain)
      return answer instanceof Answer ? answer : accepted(answer as unknown as Response, target, connector)
    })
  return Object.assign(request, {
    exchange,
    pool: (): PoolFigures => {
      const sum = (of: (generation: Generation) => number) =>
        live.generations.reduce((all, generation) => all + of(generation), 0)
      const total = sum(({ connector }) => connector.open())
      const active = Math.min(
        sum(({ running }) => running),
        total,
      )
      return { max: options.maxConnections ?? defaultMaxConnections, active, idle: total - active, total }
    },
    connection: (url: string | URL) => {
      const called = urlIn(String(url))
      if (!called) return undefined
      const found = live.generations.map(({ connector }) => connector.latest(called))
      return found.findLast((connection) => connection !== undefined)
    },
    reload: () => live.reload(),
    close: () => live.close(),
  })
}

/** A `fetch` without TLS; the caller has seen to it that the URL is on loopback. */
export function plainFetch(): FetchLike & Exchanging & { close(): Promise<void> } {
  const connect: buildConnector.connector = (options, callback) =>
    buildConnector(waysTo(options.hostname))(options, callback)
  const agent = new Agent({ connect, bodyTimeout: 0, headersTimeout: 0 })
  const request: FetchLike = async (url, init) => {
    const target = new URL(url)
    return (await fetchWithinOrigin(agent, target, { ...(init as object) })) as unknown as Response
  }
  const exchange: Exchanging['exchange'] = async (target, sent, isPlain) =>
    exchangeWithinOrigin(agent, target, sent, isPlain)
  return Object.assign(request, { exchange, close: async () => void (agent.closed || (await agent.close())) })
}

/** Throws `CONFIG_INVALID` for a URL that these options do not let us call. */
function checkedUrl(url: string | URL, { demoMode, demoAllowRemote }: TlsConfig): URL {
  const text = String(url)
  const problem = serverUrlProblem(text, { tls: true, demoMode, demoAllowRemote })
  if (problem !== undefined) throw new MtlsError('CONFIG_INVALID', problem, { sent: 'no' })
  return new URL(text)
}

const longestRejection = 64 * 1024

/** What our servers refuse, and a certificate that nginx does, is not about MCP: an error with its code. */
async function unlessRejected(response: Response, target: URL, connector: Connector): Promise<Response> {
  const { status } = response
  const refusals =
    status === 403 || status === 429 || status === 502
      ? /^application\/json/i
      : status === 400 || status === 495 || status === 496
        ? /^text\/html/i
        : undefined
  if (!refusals?.test(response.headers.get('content-type') ?? '')) return response
  const body = await textOf(response.body, longestRejection)
  const rejection = refusalInAnswer(status, body, `the server at ${hostPortOf(target)}`)
  if (rejection) {
    if (status !== 429 && status !== 502) connector.forget(target)
    throw rejection
  }
  return new Response(body, {
    status,
    statusText: response.statusText,
    headers: [...response.headers],
  })
}
