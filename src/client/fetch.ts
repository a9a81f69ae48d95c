import type { FetchLike } from '@modelcontextprotocol/client'
import { Agent, type Dispatcher, fetch as undiciFetch } from 'undici'
import { isLoopback, parseTlsConfig, type TlsConfig, type TlsOptions } from '../config/index.js'
import { MtlsError } from '../errors.js'
import type { TlsConnection } from '../tls/connection.js'
import { SecurityEvents, type Subscriber } from '../tls/events.js'
import { fileSource, type MaterialSource } from '../tls/material.js'
import { readRejection } from '../tls/rejection.js'
import { Connector } from './connector.js'
import { explainFailure } from './failure.js'

/** Figures of the connections a client keeps open. */
export interface PoolFigures {
  /** At most this many to one server. */
  readonly max: number
  /** With a request on them now. */
  readonly active: number
  readonly idle: number
  readonly total: number
}

/** A `fetch` over mutual TLS, with what its connections tell. */
export interface MtlsFetch extends FetchLike {
  pool(): PoolFigures
  /** The newest connection to the origin of this URL, open or closed. */
  connection(url: string | URL): TlsConnection | undefined
  /** Lets requests in flight finish, then closes every connection. */
  close(): Promise<void>
}

export interface MtlsFetchOptions {
  /** The name the server's certificate must have, instead of the host of the URL. */
  readonly serverName?: string | undefined
  /** For the TCP connection, milliseconds; default 30000. */
  readonly connectTimeout?: number
  /** For the TLS handshake after it, milliseconds; default 5000. */
  readonly handshakeTimeout?: number
  /** Connections to one server at most; default 64. */
  readonly maxConnections?: number
  readonly onSecurityEvent?: Subscriber
}

/**
 * A `fetch` for `https://` URLs that shows our client certificate and judges the server's, for people who
 * build their own transport. It rejects with `MtlsError` for whatever is about the connection.
 * Throws `CONFIG_INVALID` and, for missing files, `CERT_DIR_NOT_FOUND` and `CERT_NOT_FOUND`.
 */
export function mtlsFetch(tls: TlsOptions, options: MtlsFetchOptions = {}): MtlsFetch {
  const config = parseTlsConfig(tls, 'client')
  return fetchOver(config, fileSource(config, 'client'), options)
}

/** The same over any source of material. */
export function fetchOver(config: TlsConfig, source: MaterialSource, options: MtlsFetchOptions): MtlsFetch {
  const max = options.maxConnections ?? 64
  const events = new SecurityEvents(options.onSecurityEvent ? [options.onSecurityEvent] : [])
  let opened: Promise<{ connector: Connector; agent: Agent }> | undefined
  let ready: { connector: Connector; agent: Agent } | undefined
  const open = async () => {
    const material = await source.load(undefined)
    const { serverName, connectTimeout = 30_000, handshakeTimeout = 5000 } = options
    const connector = new Connector({ material, events, serverName, connectTimeout, handshakeTimeout })
    // undici's own idle limit is 4 s; the server tells a longer one in its Keep-Alive header.
    ready = {
      connector,
      agent: new Agent({
        connect: connector.connect,
        connections: max,
        bodyTimeout: 0,
        headersTimeout: 0,
        keepAliveTimeout: 30_000,
      }),
    }
    return ready
  }

  let closed: Promise<void> | undefined
  const request: FetchLike = async (url, init) => {
    const target = checkedUrl(url, config)
    if (closed) throw new TypeError('this fetch is closed')
    opened ??= open()
    const { connector, agent } = await opened.catch((error) => {
      opened = undefined // the files may be there at the next call
      throw error
    })
    connector.sweep(target)
    // undici gives a socket back one turn of the event loop after its response, and sees one closed as late:
    // asked at once, it would open a second connection for the second call.
    if (connector.open(target) > 0) await new Promise(setImmediate)
    try {
      const response = await undiciFetch(target, {
        ...(init as object),
        dispatcher: withinOrigin(agent, target),
      })
      return await unlessRejected(response as unknown as Response, target, connector)
    } catch (error) {
      throw explainFailure(error, target)
    }
  }
  return Object.assign(request, {
    pool: (): PoolFigures => {
      const total = ready?.connector.open() ?? 0
      const running = Object.values(ready?.agent.stats ?? {}).reduce((sum, stats) => sum + stats.running, 0)
      return { max, active: Math.min(running, total), idle: Math.max(total - running, 0), total }
    },
    connection: (url: string | URL) => ready?.connector.latest(new URL(url)),
    close: () => {
      closed ??= Promise.resolve(opened).then((open) => open?.agent.close())
      return closed
    },
  })
}

/** A `fetch` without TLS; the caller has seen to it that the URL is on loopback. */
export function plainFetch(): FetchLike & { close(): Promise<void> } {
  const agent = new Agent({ bodyTimeout: 0, headersTimeout: 0 })
  const request: FetchLike = async (url, init) => {
    const target = new URL(url)
    try {
      const response = await undiciFetch(target, {
        ...(init as object),
        dispatcher: withinOrigin(agent, target),
      })
      return response as unknown as Response
    } catch (error) {
      throw explainFailure(error, target)
    }
  }
  return Object.assign(request, { close: async () => void (agent.closed || (await agent.close())) })
}

function checkedUrl(url: string | URL, { demoMode, demoAllowRemote }: TlsConfig): URL {
  const target = new URL(url)
  if (target.protocol !== 'https:') {
    throw new MtlsError(
      'CONFIG_INVALID',
      `${target.origin}: only https:// URLs; TLS never falls back to plaintext`,
    )
  }
  if (demoMode && !demoAllowRemote && !isLoopback(target.hostname)) {
    throw new MtlsError('CONFIG_INVALID', `${target.origin}: demo mode connects to loopback addresses only`, {
      hint: 'Use strict mode, or set TLS_DEMO_ALLOW_REMOTE=true if you know what you do.',
    })
  }
  return target
}

/** A redirect must not carry our certificate to somebody else, nor a plain request off this machine. */
function withinOrigin(agent: Agent, { origin }: URL): Dispatcher {
  const dispatch: Dispatcher['dispatch'] = (options, handler) => {
    if (String(options.origin) !== origin) {
      throw new MtlsError(
        'CONNECTION_FAILED',
        `${origin} redirects to ${options.origin}, which is refused: this client is meant for ${origin} alone`,
        {
          hint: 'Use the URL it redirects to, if you trust that server.',
        },
      )
    }
    return agent.dispatch(options, handler)
  }
  return new Proxy(agent, {
    get: (target, name) => (name === 'dispatch' ? dispatch : Reflect.get(target, name)),
  })
}

const longestRejection = 64 * 1024

/** A `403` that says `mtls_rejected` is about the certificate, not about MCP. */
async function unlessRejected(response: Response, target: URL, connector: Connector): Promise<Response> {
  if (response.status !== 403 || !/^application\/json/i.test(response.headers.get('content-type') ?? ''))
    return response
  const body = await textOf(response, longestRejection)
  const rejection = readRejection(body, `the server at ${target.host}`)
  if (rejection) {
    connector.forget(target)
    throw rejection
  }
  return new Response(body, {
    status: response.status,
    statusText: response.statusText,
    headers: [...response.headers],
  })
}

/** A body as text, cut at so many bytes: whoever refuses us does not decide how much we hold. */
async function textOf({ body }: Response, bytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= bytes) break // which cancels the rest
  }
  return Buffer.concat(chunks).subarray(0, bytes).toString('utf8')
}
