import { textOf } from '../../client/bounded.js'
import { isLost } from '../../client/failure.js'
import { mtlsFetch, type SecurityEvent, type TlsConnection } from '../../client/index.js'
import { hostPortOf, type TlsOptions } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { refusalInAlert } from '../../tls/foreign-refusal.js'
import type { HttpAnswer } from './exchange.js'
import { refusalIn } from './refusal.js'

export interface ObserveOptions {
  /** Our own files, and how servers are judged. */
  readonly tls: TlsOptions
  /** The name the certificate must have, instead of the host of the URL. */
  readonly serverName?: string | undefined
  /** The identities of which it must have one, instead. */
  readonly serverId?: string | readonly string[] | undefined
  /** For connection, handshake and answers together, milliseconds. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

interface Seen {
  /** What was negotiated and with whom, even if we refused the server. */
  readonly connection?: TlsConnection | undefined
}

/** What a client of a live server sees now. */
export type Observation =
  | ({
      readonly outcome: 'answered'
      /** Handshake and one answer, milliseconds. */
      readonly latencyMs: number
      readonly health: HttpAnswer
      /** Undefined when there was no answer to it. */
      readonly metrics: HttpAnswer | undefined
    } & Seen)
  | ({
      /** `refusing`: it refuses us; `untrusted`: we refuse it; `blind`: our own files keep us from seeing anything. */
      readonly outcome: 'refusing' | 'untrusted' | 'unreachable' | 'blind'
      readonly error: MtlsError
    } & Seen)

const longestBody = 1024 * 1024

/**
 * Observes a server as a client would now: a new connection, judged before anything is requested, then its `/health`
 * and `/metrics`. Reads our files again on every call. Problems are returned, never thrown.
 */
export async function observe(url: URL, options: ObserveOptions): Promise<Observation> {
  const { tls, serverName, serverId, timeoutMs } = options
  const server = `the server at ${hostPortOf(url)}`
  const events: SecurityEvent[] = []
  let answered = false
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout
  try {
    const fetch = mtlsFetch(tls, {
      serverName,
      serverId,
      watch: false,
      connectTimeout: timeoutMs,
      handshakeTimeout: timeoutMs,
      onSecurityEvent: (event) => events.push(event),
    })
    const get = async (path: string): Promise<HttpAnswer> => {
      const response = await fetch(new URL(path, url.origin), { signal, redirect: 'manual' })
      return { status: response.status, body: await textOf(response.body, longestBody) }
    }
    try {
      await fetch.reload() // reading files is not part of the server's latency
      const begun = performance.now()
      const health = await get('/health')
      const latencyMs = performance.now() - begun
      answered = true
      // nginx completes the handshake, and refuses clients with a page.
      const error = refusalIn({ answer: health, ended: undefined }, server)
      if (error) return { outcome: 'refusing', error, connection: fetch.connection(url) }
      const metrics = await get('/metrics').catch(() => undefined)
      options.signal?.throwIfAborted()
      return { outcome: 'answered', latencyMs, health, metrics, connection: fetch.connection(url) }
    } finally {
      await fetch.close()
    }
  } catch (thrown) {
    options.signal?.throwIfAborted()
    const connection = connectionIn(events)
    const ended = answered || timeout.aborted ? undefined : hangUpIn(thrown)
    const refusal = connection
      ? ended && refusalIn({ answer: undefined, ended }, server)
      : refusalInAlert(ended, server)
    if (refusal) return { outcome: 'refusing', error: refusal, connection }
    const error = timeout.aborted ? tooLate(server, timeoutMs) : explained(thrown, server)
    return { outcome: outcomeOf(error, events), error, connection }
  }
}

function tooLate(server: string, timeoutMs: number): MtlsError {
  return new MtlsError('CONNECTION_TIMEOUT', `${server} did not answer within ${timeoutMs} ms`)
}

/**
 * Why a working connection ended without any answer: in TLS 1.3 a server judges our certificate after our handshake,
 * and many just hang up. Undefined when it was something else.
 */
function hangUpIn(thrown: unknown): string | undefined {
  const codes: string[] = []
  for (let cause = thrown; cause instanceof Error; cause = cause.cause)
    codes.push((cause as NodeJS.ErrnoException).code ?? cause.message)
  return codes.find((code) => /ALERT/.test(code)) ?? (isLost(thrown) ? codes.at(-1) : undefined)
}

/** Errors while reading a body have not been translated yet. */
function explained(thrown: unknown, server: string): MtlsError {
  if (thrown instanceof MtlsError) return thrown
  const what = thrown instanceof Error ? thrown.message : String(thrown)
  return new MtlsError('CONNECTION_FAILED', `the answer of ${server} cannot be read: ${what}`, {
    cause: thrown,
  })
}

function outcomeOf({ code }: MtlsError, events: readonly SecurityEvent[]) {
  if (events.some(({ event }) => event === 'connection-refused')) return 'untrusted'
  if (/^(CONNECTION_|TLS_|NOT_TLS|UNSUPPORTED_|CIPHER_)/.test(code)) return 'unreachable'
  // Without a connection our certificate has not been judged yet.
  return events.some((event) => 'peerAddress' in event) ? 'refusing' : 'blind'
}

function connectionIn(events: readonly SecurityEvent[]): TlsConnection | undefined {
  const found = events.findLast((event) => 'connection' in event)
  return found && 'connection' in found ? found.connection : undefined
}
