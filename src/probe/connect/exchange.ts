import { request } from 'node:http'
import { textOf } from '../../client/bounded.js'
import { MtlsError } from '../../errors.js'
import { type OpenOptions, openTls, serverAt } from './open-tls.js'

/** How much of an answer's body is kept. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** One request and its result, over a connection of its own. */
export interface Exchange {
  /** Undefined when the connection ended without one. */
  readonly answer: HttpAnswer | undefined
  /** How it ended without an answer: what OpenSSL or the system reported. */
  readonly ended: string | undefined
  readonly resumed: boolean
  /** For a later connection, if the server gave one. */
  readonly session: Buffer | undefined
}

const longestBody = 64 * 1024
/** Does not wait for the end of a long body. */
const bodyTimeoutMs = 1000

/**
 * GETs a path: any HTTP server answers this to clients it accepts, and it changes nothing. Throws what `openTls`
 * throws, and `CONNECTION_TIMEOUT` when the server neither answers nor ends the connection.
 */
export async function exchange(options: OpenOptions, path: string): Promise<Exchange> {
  const socket = await openTls(options)
  const resumed = socket.isSessionReused()
  let session = socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined
  socket.on('session', (ticket) => {
    session = ticket
  })
  const outcome = await new Promise<Pick<Exchange, 'answer' | 'ended'> | 'late'>((resolve) => {
    const timer = setTimeout(() => resolve('late'), options.timeoutMs)
    const ended = (error?: NodeJS.ErrnoException) =>
      resolve({ answer: undefined, ended: error?.code ?? error?.message ?? 'closed' })
    const { host, port } = options
    const headers = { accept: 'application/json, text/event-stream', connection: 'close' }
    request({ createConnection: () => socket, host, port, path, headers }, (response) => {
      const { statusCode: status = 0 } = response
      const done = (body: string) => resolve({ answer: { status, body }, ended: undefined })
      if (/^text\/event-stream/i.test(response.headers['content-type'] ?? '')) return done('')
      const goesOn = setTimeout(() => response.destroy(), bodyTimeoutMs)
      const whatCame = () => undefined
      void textOf(response, longestBody, whatCame)
        .then(done)
        .finally(() => clearTimeout(goesOn))
    })
      .on('error', ended)
      .end()
    socket.once('error', ended).once('close', () => {
      clearTimeout(timer)
      setImmediate(ended) // an answer that has arrived takes precedence
    })
  })
  socket.destroy()
  options.signal?.throwIfAborted()
  if (outcome === 'late')
    throw new MtlsError(
      'CONNECTION_TIMEOUT',
      `${serverAt(options)} did not answer within ${options.timeoutMs} ms`,
    )
  return { ...outcome, resumed, session }
}
