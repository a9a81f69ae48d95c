import { ProtocolError } from '@modelcontextprotocol/client'
import { hostPortOf } from '../config/index.js'
import { MtlsError } from '../errors.js'

/** Failures for a reason that may be gone in a moment: no connection could be made, or one was lost. */
const passing = new WeakSet<MtlsError>()

/** Whether the same request may simply be made again: no server has seen it, and the next try may find one. */
export function isUnsent(error: unknown): error is MtlsError {
  return error instanceof MtlsError && error.sent === 'no' && passing.has(error)
}

/** Whether the connection was lost under a request: it may have been executed, and must not simply be repeated. */
export function isLost(error: unknown): error is MtlsError {
  return error instanceof MtlsError && error.sent === 'maybe' && passing.has(error)
}

/** The error by which `mcp-mtls expose` says that the server behind it has not answered; as `relay/fault.ts` has it. */
const relayFault = -32_010

/** Whether the server says that it has not passed the request on: nobody has run it, and it may be made again. */
export function isNotPassedOn(error: unknown): boolean {
  if (!(error instanceof ProtocolError) || error.code !== relayFault) return false
  const { data } = error
  return typeof data === 'object' && data !== null && 'sent' in data && data.sent === 'no'
}

/** Marks a failure whose reason may be gone in a moment. */
export function passingFailure(failure: MtlsError): MtlsError {
  passing.add(failure)
  return failure
}

export type Sent = NonNullable<MtlsError['sent']>

/** The same failure, which was made for one request alone, saying whether that was sent. */
export function ownFailure<Failure>(failure: Failure, sent: Sent): Failure {
  return failure instanceof Error ? Object.assign(failure, { sent }) : failure
}

/**
 * The same failure, saying whether its request was sent. What an error says already is never believed, and `no` is never
 * written on it: it may be shared with other calls, as the reason of an abort. An `MtlsError` is copied instead, and a copy
 * is not repeated; anything else then says nothing, or `maybe`.
 */
export function withSent<Failure>(failure: Failure, sent: Sent): Failure {
  if (typeof failure !== 'object' || failure === null) return failure
  const { sent: said } = failure as { sent?: unknown }
  if (said === sent) return failure
  if (failure instanceof MtlsError && (sent === 'no' || said !== undefined || !Object.isExtensible(failure)))
    return copyOf(failure, sent) as MtlsError & Failure
  if (sent === 'no' && said === undefined) return failure
  const isWritten = Reflect.defineProperty(failure, 'sent', {
    value: 'maybe',
    configurable: true,
    enumerable: true,
  })
  if (isWritten) return failure
  const { message = 'it was ended by the program' } = failure as { message?: unknown }
  const hint = 'Look at what the program gives as the reason of its abort.'
  return new MtlsError('CONNECTION_FAILED', `the call failed: ${String(message)}`, {
    hint,
    cause: failure,
    sent: 'maybe',
  }) as MtlsError & Failure
}

function copyOf(failure: MtlsError, sent: Sent): MtlsError {
  const { code, message, hint } = failure
  return new MtlsError(code, message, { hint, cause: failure, sent })
}

/**
 * What a request rejected with, in our words, and whether it was sent, which the caller has seen. An abort, and what is not
 * about the connection, stays what it is.
 */
export function explainFailure(error: unknown, url: URL, sent: Sent = 'maybe'): unknown {
  const failure = inOurWords(error, url)
  const isNew = failure !== error && !causesOf(error).includes(failure as Error)
  return isNew ? ownFailure(failure, sent) : withSent(failure, sent)
}

function inOurWords(error: unknown, url: URL): unknown {
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
  // What undici and the system say has a code; the body of a request, which the program gives, breaks with anything.
  if (code === undefined || 'path' in cause)
    return new MtlsError('CONNECTION_FAILED', `the request to ${host} could not be made (${message})`, {
      hint: 'Look at what the program gives to `fetch`: a body that is a stream may have failed.',
      cause: error,
    })
  const isSilent =
    url.protocol === 'https:' && (cause as { socket?: { bytesRead?: number } }).socket?.bytesRead === 0
  const what = isSilent
    ? `the server at ${host} ended the connection after our client certificate without a word`
    : `the connection to ${host} was lost before the answer came`
  const hint = isSilent
    ? 'Servers of Node and of Python refuse a certificate in this way: see what `mcp-mtls test-tls` says, and its log. Or it has stopped; the call may have been executed.'
    : 'Check whether the server is still running; the call may have been executed.'
  return passingFailure(
    new MtlsError('CONNECTION_FAILED', `${what} (${code ?? message})`, { hint, cause: error }),
  )
}

/** A connection that did not come about; `address` is `host:port`. */
export function connectionError(error: NodeJS.ErrnoException, address: string): MtlsError {
  const code = error.code ?? error.message
  return passingFailure(
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
