import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { Tell } from '../tls/events.js'
import type { Gate } from '../tls/gate.js'
import { peerAddressOf } from '../tls/pending-handshakes.js'
import type { PerIdentity } from '../tls/per-identity.js'
import { refusalBody, rejectionBody, rejectionPhrase } from '../tls/rejection.js'
import { allowCors, answerPreflight, isPreflight } from './cors.js'
import { type GuardRules, guardProblem } from './guard.js'
import { authInfoOf } from './identity-of.js'
import type { Health } from './ops/health.js'
import type { ServerMetrics } from './ops/metrics.js'
import { pagePaths, servePage } from './ops/pages.js'
import { answerRefusal } from './refuse.js'

/** What answers at `/mcp`. */
export interface McpAdapter {
  handle(request: IncomingMessage, response: ServerResponse, authInfo: AuthInfo | undefined): Promise<void>
  /** Begins to stop. */
  drain(): void
  /** Ends what is still open. */
  close(): Promise<void>
}

export interface HttpParts {
  /** Absent when the server runs without TLS. */
  readonly gate: Gate | undefined
  readonly adapter: McpAdapter
  readonly guard: GuardRules
  readonly health: () => Health
  readonly metrics: ServerMetrics
  /** Requests that MCP answers, per identity. */
  readonly requests: PerIdentity
  readonly tell: Tell
}

/** The steps of a request: certificate still valid → Host and Origin → route → adapter. */
export function requestListener({
  gate,
  adapter,
  guard,
  health,
  metrics,
  requests,
  tell,
}: HttpParts): RequestListener {
  return (request, response) => {
    const isCors = allowCors(request, response, guard.allowedOrigins)
    let caller: AuthInfo | undefined
    if (gate) {
      const judged = gate.judgeRequest(request.socket as TLSSocket)
      if (!judged.accepted) {
        const { code, message } = judged
        return answerRefusal(response, 403, rejectionBody(code, message), rejectionPhrase(judged))
      }
      caller = authInfoOf(judged)
    }
    const problem = guardProblem(request, guard)
    if (problem) {
      tell('request-refused', {
        peerAddress: peerAddressOf(request.socket),
        reason: 'NOT_AUTHORIZED',
        message: problem,
      })
      return answerRefusal(response, 403, refusalBody('NOT_AUTHORIZED', problem))
    }
    const path = pathOf(request)
    const methods = routes.get(path)
    if (!methods) {
      const message = `MCP is at /mcp; there are ${pagePaths.join(', ')} beside it`
      return answerRefusal(response, 404, JSON.stringify({ error: 'not_found', message }))
    }
    if (isCors && isPreflight(request)) return answerPreflight(request, response, methods)
    if (!methods.includes(request.method ?? '')) {
      response.setHeader('allow', methods.join(', '))
      return answerRefusal(response, 405, JSON.stringify({ error: 'method_not_allowed' }))
    }
    if (path === '/mcp') {
      if (caller && !requests.take(caller.clientId)) {
        const message = `${caller.clientId} has as many requests at once as it may`
        tell('request-refused', {
          peerAddress: peerAddressOf(request.socket),
          reason: 'RATE_LIMITED',
          message,
        })
        response.setHeader('retry-after', 1)
        return answerRefusal(response, 429, refusalBody('RATE_LIMITED', message))
      }
      if (caller) response.once('close', () => requests.give(caller.clientId))
      return void adapter.handle(request, response, caller)
    }
    void servePage(path, request, response, { health, metrics, about: 'peers' })
  }
}

/** Every path with its methods; the SDK decides which of them MCP supports. */
const routes: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['/mcp', ['POST', 'GET', 'DELETE']],
  ...pagePaths.map((path): [string, string[]] => [path, ['GET', 'HEAD']]),
])

function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}
