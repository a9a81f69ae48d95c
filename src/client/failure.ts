import { ProtocolError } from '@modelcontextprotocol/client'
import { hostPortOf } from '../config/index.js'
import { MtlsError } from '../errors.js'

const unsent = new WeakSet<MtlsError>()
const lost = new WeakSet<MtlsError>()

/** Marks a failure before any byte of a request was written, for a reason that may be gone in a moment. */
export function neverSent(failure: MtlsError): MtlsError {
  unsent.add(failure)
  return failure
}

/** Whether the same request may simply be tried again: no server has seen it. */
export function isPassing(error: unknown): error is MtlsError {
  return error instanceof MtlsError && unsent.has(error)
}

/** Whether a request may have reached the server although it failed: such a call must not simply be repeated. */
export function mayHaveBeenExecuted(error: unknown): boolean {
  return error instanceof MtlsError && lost.has(error)
}

/** What a request rejected with, in our words. An abort, and what is not about the connection, stays what it is. */
export function explainFailure(error: unknown, url: URL): unknown {
  const host = hostPortOf(url)
  // What reads answers, in the SDK and in zod, calls itself once for each level.
  if (error instanceof RangeError)
    return new MtlsError(
      'CONNECTION_FAILED',
      `the server at ${host} sent an answer that is nested too deep to be read`,
      {
        hint: 'Look at what that server sends: no honest answer is like this.',
        cause: error,
      },
    )
  const causes = causesOf(error)
  const known = causes.find((cause) => cause instanceof MtlsError)
  // Fetch says `TypeError` for whatever happens to a connection, and its cause tells what.
  const network = causes.find((cause) => cause instanceof TypeError && cause.cause instanceof Error)
  if (known || !network) return known ?? error
  const cause = network.cause as NodeJS.ErrnoException
  const { code, message, syscall } = cause
  if (
    cause instanceof AggregateError ||
    syscall === 'connect' ||
    syscall === 'getaddrinfo' ||
    code === 'UND_ERR_CONNECT_TIMEOUT'
  )
    return connectionError(cause, host)
  const isSilent =
    url.protocol === 'https:' && (cause as { socket?: { bytesRead?: number } }).socket?.bytesRead === 0
  const what = isSilent
    ? `the server at ${host} ended the connection after our client certificate without a word`
    : `the connection to ${host} was lost before the answer came`
  const hint = isSilent
    ? 'Servers of Node and of Python refuse a certificate in this way: see what `mcp-mtls test-tls` says, and its log. Or it has stopped; the call may have been executed.'
    : 'Check whether the server is still running; the call may have been executed.'
  const explained = new MtlsError('CONNECTION_FAILED', `${what} (${code ?? message})`, { hint, cause: error })
  lost.add(explained)
  return explained
}

/** A connection that did not come about; `address` is `host:port`. */
export function connectionError(error: NodeJS.ErrnoException, address: string): MtlsError {
  const code = error.code ?? error.message
  return neverSent(
    new MtlsError(
      /TIMEDOUT|CONNECT_TIMEOUT/.test(code) ? 'CONNECTION_TIMEOUT' : 'CONNECTION_FAILED',
      `no connection to ${address} (${code})${tried(error)}`,
      { cause: error },
    ),
  )
}

/** `, tried 127.0.0.1 and ::1` where more than one address was. */
export function tried(error: unknown): string {
  if (!(error instanceof AggregateError)) return ''
  const addresses = error.errors.flatMap(({ address }) => address ?? [])
  return addresses.length > 1 ? `, tried ${addresses.join(' and ')}` : ''
}

/** The error and what it says it came from: undici and the SDK wrap ours. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = []
  for (let cause = error; cause instanceof Error && causes.length < 8; ) {
    causes.push(cause)
    cause = cause instanceof ProtocolError ? cause.data : cause.cause
  }
  return causes
}
