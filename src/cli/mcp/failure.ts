import { ProtocolError, SdkError } from '@modelcontextprotocol/client'
import { MtlsError } from '../../errors.js'
import { ofPeer } from '../../text/of-peer.js'
import { type ErrorText, writeError } from '../io/error-text.js'
import type { Io } from '../io/io.js'
import { Interrupted } from '../io/signals.js'
import { safeJson } from './foreign-text.js'

/** What went wrong at a server, and the exit code for it. */
interface ServerFailure {
  readonly text: ErrorText
  readonly exitCode: number
  /** The error of JSON-RPC, as it came. */
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

const failed = 1
const unreachable = 3
const late = 4

/**
 * Prints why a server has not answered and sets the exit code; what is our own mistake is thrown again. With `json`, an error of
 * JSON-RPC goes to stdout as it came.
 */
export function tellFailure(error: unknown, io: Io, json: boolean): void {
  if (error instanceof Interrupted) throw error
  const failure = failureOf(error)
  if (!failure) throw error
  writeError(io, failure.text, json && failure.error === undefined)
  if (json && failure.error) io.stdout.write(`${safeJson({ error: failure.error })}\n`)
  io.exitCode = failure.exitCode
}

function failureOf(error: unknown): ServerFailure | undefined {
  if (error instanceof MtlsError) {
    if (error.code === 'CONFIG_INVALID' || error.code === 'TOOL_FAILED') return undefined
    const isLate = error.code === 'CONNECTION_TIMEOUT' || error.code === 'TLS_HANDSHAKE_TIMEOUT'
    return { text: error.toJSON(), exitCode: isLate ? late : unreachable }
  }
  if (error instanceof ProtocolError) return answered(error)
  if (isOfServer(error))
    return {
      text: {
        code: 'CONNECTION_FAILED',
        message: ofPeer(error.message, 500),
        hint: 'See what `mcp-mtls test-tls URL` says, and look at the log of the server.',
      },
      exitCode: unreachable,
    }
  return undefined
}

/**
 * What the SDK says of a server that does not speak MCP as it should, or refuses by HTTP alone: errors of many kinds, but none of those
 * that mistakes of a program make, or the system.
 */
function isOfServer(error: unknown): error is Error {
  if (error instanceof SdkError) return true
  const isOurs = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError
  return error instanceof Error && !isOurs && !('syscall' in error)
}

/** URLElicitationRequired: MCP 2025-11-25, "URL Elicitation Required Error". */
const urlsWanted = -32_042

/** What our servers and gates say by an error of JSON-RPC; anything else is shown as it is. */
function answered({ code, message, data }: ProtocolError): ServerFailure {
  const error = { code, message, ...(data !== undefined && { data }) }
  const { code: reason, request_id: id, retry_after_ms: wait, sent } = isObject(data) ? data : {}
  const named = typeof id === 'string' ? ` (request_id ${ofPeer(id, 100)})` : ''
  const said = (text: ErrorText, exitCode: number) => ({ text, exitCode, error })
  if (code === -32_011 && reason === 'NOT_AUTHORIZED')
    return said(
      {
        code: 'NOT_AUTHORIZED',
        message: `the policy of the server does not allow this to our certificate${named}`,
        hint: 'Ask the operator of the server: the request_id finds the decision in its record.',
      },
      unreachable,
    )
  if (code === -32_012 && reason === 'RATE_LIMITED')
    return said(
      {
        code: 'RATE_LIMITED',
        message: `a limit of the server is reached${named}`,
        hint: typeof wait === 'number' ? `Try again in ${wait} ms.` : 'Try again in a moment.',
      },
      unreachable,
    )
  if (code === -32_013 && reason === 'AUDIT_FAILED')
    return said(
      {
        code: 'AUDIT_FAILED',
        message: `the server cannot record calls at the moment, and runs none that it cannot record${named}`,
        hint: 'Tell the operator of the server, and try again later.',
      },
      unreachable,
    )
  if (code === -32_010) {
    const hint = sent === 'no' ? 'It was not run: try again.' : 'It may have run: look before you try again.'
    const name = reason === 'CONNECTION_TIMEOUT' || reason === 'RATE_LIMITED' ? reason : 'CONNECTION_FAILED'
    const text = `the server has no answer from the one behind it: ${ofPeer(message, 500)}`
    return said({ code: name, message: text, hint }, reason === 'CONNECTION_TIMEOUT' ? late : unreachable)
  }
  const pages =
    code === urlsWanted && isObject(data) && Array.isArray(data.elicitations) ? data.elicitations : []
  const urls = pages.filter(isObject).map(({ url }) => ofPeer(String(url), 500))
  if (urls.length > 0)
    return said(
      {
        code: String(code),
        message: ofPeer(message, 1000),
        hint: `Open this first, if you trust the server, and call again: ${urls.slice(0, 5).join(' ')}`,
      },
      failed,
    )
  const detail = isObject(data) || typeof data === 'string' ? ` ${ofPeer(JSON.stringify(data), 500)}` : ''
  return said({ code: String(code), message: `${ofPeer(message, 1000)}${detail}` }, failed)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
