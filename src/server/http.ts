import type { IncomingMessage, ServerResponse } from 'node:http'
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
import { type Observed, pagePaths, servePage } from './ops/pages.js'
import { answerRefusal } from './refuse.js'

export interface HttpParts {
  /** Absent when the server runs without TLS. */
  readonly gate: Gate | undefined
  readonly guard: GuardRules
  /** Whether a connection may be upgraded to another protocol. Without TLS nobody is asked. */
  readonly upgrade: boolean
  /** The pages for operators; absent where their paths are those of the application. */
  readonly pages: Omit<Observed, 'about'> | undefined
  /** Requests that the listener answers, per identity. */
  readonly requests: PerIdentity
  readonly tell: Tell
}

/** A request with its caller where the transports of the MCP SDK look for one. */
export interface AuthenticatedRequest extends IncomingMessage {
  auth?: AuthInfo
}

/** Calls `next` for a request that may be answered, and answers any other. */
export type RequestSteps = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

/**
 * The steps of a request: certificate still valid → Host and Origin → pages → limits → the listener. An upgrade takes the
 * same steps, with a response to be refused by.
 */
export function requestSteps({ gate, guard, upgrade, pages, requests, tell }: HttpParts): RequestSteps {
  return (request, response, next) => {
    allowCors(request, response, guard.allowedOrigins)
    let caller: AuthInfo | undefined
    if (gate) {
      const judged = gate.judgeRequest(request.socket as TLSSocket)
      if (!judged.accepted) {
        const { code, message } = judged
        return answerRefusal(response, 403, rejectionBody(code, message), rejectionPhrase(judged))
      }
      caller = authInfoOf(judged, request.socket)
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
    if (gate && !upgrade && asksForUpgrade(request)) {
      const message = 'this server does not let a connection be upgraded to another protocol'
      tell('request-refused', {
        peerAddress: peerAddressOf(request.socket),
        reason: 'NOT_AUTHORIZED',
        message,
      })
      return answerRefusal(response, 403, refusalBody('NOT_AUTHORIZED', message))
    }
    if (pages && pagePaths.includes(pathOf(request))) {
      if (answeredForMethod(request, response, pageMethods)) return
      return void servePage(pathOf(request), request, response, { ...pages, about: 'peers' })
    }
    if (caller) {
      if (!requests.take(caller.clientId)) {
        const message = `${caller.clientId} has as many requests at once as it may`
        tell('request-refused', {
          peerAddress: peerAddressOf(request.socket),
          reason: 'RATE_LIMITED',
          message,
        })
        response.setHeader('retry-after', 1)
        return answerRefusal(response, 429, refusalBody('RATE_LIMITED', message))
      }
      const { clientId } = caller
      const lasting = isUpgraded(request) ? request.socket : response
      lasting.once('close', () => requests.give(clientId))
      ;(request as AuthenticatedRequest).auth = caller
    }
    next()
  }
}

/**
 * Answers a preflight of an allowed origin, and 405 to a method that a path does not have; returns whether it did. Only
 * the answers to such origins have a header of CORS already.
 */
export function answeredForMethod(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
): boolean {
  if (isPreflight(request) && response.hasHeader('access-control-allow-origin')) {
    answerPreflight(request, response, methods)
    return true
  }
  if (methods.includes(request.method ?? '')) return false
  response.setHeader('allow', methods.join(', '))
  answerRefusal(response, 405, JSON.stringify({ error: 'method_not_allowed' }))
  return true
}

const pageMethods = ['GET', 'HEAD']

export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

/** Whether Node has taken its HTTP parser off the connection. Its types lack the property. */
function isUpgraded(request: IncomingMessage): boolean {
  return (request as { upgrade?: boolean | null }).upgrade === true
}

/** Without a listener for upgrades Node takes such a request for a usual one (RFC 9110 section 7.8 allows that). */
function asksForUpgrade(request: IncomingMessage): boolean {
  const { upgrade, connection = '' } = request.headers
  return isUpgraded(request) || (upgrade !== undefined && /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(connection))
}
