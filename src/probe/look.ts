import { mtlsFetch, type SecurityEvent, type TlsConnection } from '../client/index.js'
import type { TlsOptions } from '../config/index.js'
import { MtlsError } from '../errors.js'

export interface LookOptions {
  /** Our own files, and how servers are judged. */
  readonly tls: TlsOptions
  /** The name the certificate must have, instead of the host of the URL. */
  readonly serverName?: string | undefined
  /** For connection, handshake and answers together, milliseconds. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

interface Answer {
  readonly status: number
  readonly body: string
}

interface Seen {
  /** What was negotiated and with whom, also where we refused the server. */
  readonly connection?: TlsConnection | undefined
}

/** What one look at a live server gave. */
export type Look =
  | ({
      readonly outcome: 'answered'
      /** Handshake and one answer, milliseconds. */
      readonly latencyMs: number
      readonly health: Answer
      /** Undefined where there is nothing that reads as one. */
      readonly metrics: Answer | undefined
    } & Seen)
  | ({
      /** `refusing`: it refuses us; `untrusted`: we refuse it; `blind`: our own files do not let us look. */
      readonly outcome: 'refusing' | 'untrusted' | 'unreachable' | 'blind'
      readonly error: MtlsError
    } & Seen)

const longestBody = 1024 * 1024

/**
 * Looks at a server as a client of it would see it now: a new connection, judged before anything is asked, then its
 * `/health` and `/metrics`. Our files are read anew each time. What is wrong is told in the answer; nothing is thrown
 * for it.
 */
export async function look(url: URL, options: LookOptions): Promise<Look> {
  const { tls, serverName, timeoutMs } = options
  const events: SecurityEvent[] = []
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout
  try {
    const fetch = mtlsFetch(tls, {
      serverName,
      watch: false,
      connectTimeout: timeoutMs,
      handshakeTimeout: timeoutMs,
      onSecurityEvent: (event) => events.push(event),
    })
    const get = async (path: string): Promise<Answer> => {
      const response = await fetch(new URL(path, url.origin), { signal, redirect: 'manual' })
      return { status: response.status, body: await textOf(response) }
    }
    try {
      await fetch.reload() // reading files is not the latency of the server
      const begun = performance.now()
      const health = await get('/health')
      const latencyMs = performance.now() - begun
      const metrics = health.status === 404 ? undefined : await get('/metrics')
      return { outcome: 'answered', latencyMs, health, metrics, connection: fetch.connection(url) }
    } finally {
      await fetch.close()
    }
  } catch (thrown) {
    options.signal?.throwIfAborted()
    const error = timeout.aborted ? tooLate(url, timeoutMs) : explained(thrown, url)
    return { outcome: outcomeOf(error, events), error, connection: connectionIn(events) }
  }
}

function tooLate({ host }: URL, timeoutMs: number): MtlsError {
  return new MtlsError('CONNECTION_TIMEOUT', `the server at ${host} did not answer within ${timeoutMs} ms`)
}

/** What breaks while a body is read is in nobody's words yet. */
function explained(thrown: unknown, { host }: URL): MtlsError {
  if (thrown instanceof MtlsError) return thrown
  const what = thrown instanceof Error ? thrown.message : String(thrown)
  return new MtlsError('CONNECTION_FAILED', `the answer of the server at ${host} cannot be read: ${what}`, {
    cause: thrown,
  })
}

function outcomeOf({ code }: MtlsError, events: readonly SecurityEvent[]) {
  if (events.some(({ event }) => event === 'connection-refused')) return 'untrusted'
  if (/^(CONNECTION_|TLS_|NOT_TLS|UNSUPPORTED_|CIPHER_)/.test(code)) return 'unreachable'
  // Without a connection nobody has judged our certificate yet.
  return events.some((event) => 'peerAddress' in event) ? 'refusing' : 'blind'
}

function connectionIn(events: readonly SecurityEvent[]): TlsConnection | undefined {
  const found = events.findLast((event) => 'connection' in event)
  return found && 'connection' in found ? found.connection : undefined
}

/** A body as text, cut: whoever answers does not decide how much we hold. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= longestBody) break // which cancels the rest
  }
  return Buffer.concat(chunks).toString('utf8')
}
