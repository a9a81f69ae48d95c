import type { RequestListener } from 'node:http'
import type { McpAdapter } from './adapter.js'
import { type AuthenticatedRequest, pathOf, refuseMethod } from './http.js'
import { pagePaths } from './ops/pages.js'
import { answerRefusal } from './refuse.js'

/** The SDK decides which of them MCP supports. */
const methods = ['POST', 'GET', 'DELETE']

/** Hands the requests for one path to MCP, with the caller that the gate has set. */
export function mcpListener(path: string, adapter: McpAdapter): RequestListener {
  return (request: AuthenticatedRequest, response) => {
    if (pathOf(request) !== path) {
      const message = `MCP is at ${path}; there are ${pagePaths.join(', ')} beside it`
      return answerRefusal(response, 404, JSON.stringify({ error: 'not_found', message }))
    }
    if (refuseMethod(request, response, methods)) return
    void adapter.handle(request, response, request.auth)
  }
}
