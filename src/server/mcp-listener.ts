import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/server'
import { type AuthenticatedRequest, answeredForMethod, pathOf } from './http.js'
import { pagePaths } from './ops/pages.js'
import { answerRefusal } from './refuse.js'

/** MCP decides which of them it supports. */
const methods = ['POST', 'GET', 'DELETE']

type Handle = (request: IncomingMessage, response: ServerResponse, authInfo: AuthInfo | undefined) => void

/** Hands the requests for one path to MCP, with the caller that the gate has set. */
export function mcpListener(path: string, handle: Handle): RequestListener {
  return (request: AuthenticatedRequest, response) => {
    if (pathOf(request) !== path) {
      const message = `MCP is at ${path}; there are ${pagePaths.join(', ')} beside it`
      return answerRefusal(response, 404, JSON.stringify({ error: 'not_found', message }))
    }
    if (answeredForMethod(request, response, methods)) return
    handle(request, response, request.auth)
  }
}
