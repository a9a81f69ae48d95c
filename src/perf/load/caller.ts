import http from 'node:http'
import https from 'node:https'
import type { SecureContext } from 'node:tls'
import { tried } from '../../client/failure.js'
import { hostPortOf, waysTo } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import type { RecordedCall } from './recorded-call.js'
import type { ServerIdentityCheck } from './target.js'

/** Sends a recorded call repeatedly over connections that stay open. */
export interface Caller {
  /** Resolves when the whole answer has arrived; rejects if it is not a valid answer. */
  call(): Promise<void>
  close(): void
}

/**
 * Node's own HTTP client without an SDK: it measures the cost of HTTP, TLS and the server. The server's certificate is
 * verified by chain and name, as everywhere.
 */
export function caller(
  { url, headers, message }: RecordedCall,
  secureContext: SecureContext | undefined,
  checkServerIdentity?: ServerIdentityCheck,
): Caller {
  const client = secureContext ? https : http
  const agent = new client.Agent({
    keepAlive: true,
    ...waysTo(url.hostname),
    ...(secureContext && { secureContext }),
    ...(checkServerIdentity && { checkServerIdentity }),
  })
  let id = 0
  const call = () =>
    new Promise<void>((resolve, reject) => {
      // Servers with sessions distinguish calls in flight by their ids.
      const body = JSON.stringify({ ...message, id: `perf-${id++}` })
      const options = {
        method: 'POST',
        agent,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      }
      const request = client.request(url, options, (response) => {
        let answer = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          answer += chunk
        })
        response.on('error', reject).on('end', () => {
          if (response.statusCode === 200 && /"result"/.test(answer) && !/"isError":\s*true/.test(answer))
            resolve()
          else reject(notAnswered(url, response.statusCode, answer))
        })
      })
      request.on('error', (error: NodeJS.ErrnoException) => reject(connectionLost(url, error))).end(body)
    })
  return { call, close: () => agent.destroy() }
}

function notAnswered(url: URL, status: number | undefined, answer: string): MtlsError {
  return new MtlsError(
    'TOOL_FAILED',
    `${url} answered a call it had answered before with ${status}: ${answer.slice(0, 200)}`,
    { hint: 'Does the server limit how often it may be called? See its log.' },
  )
}

export function connectionLost(url: URL, error: NodeJS.ErrnoException): MtlsError {
  const { code, message } = error
  return new MtlsError(
    'CONNECTION_FAILED',
    `a connection to ${hostPortOf(url)} failed (${code ?? message})${tried(error)}`,
    {
      cause: error,
    },
  )
}
