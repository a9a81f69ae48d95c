import { createServer, type Server } from 'node:http'
import { guardProblem, loopbackOnly } from './guard.js'
import { type Health, sendHealth } from './health.js'

/** For probes on this machine that have no certificate. It tells nothing about peers and serves no MCP. */
export function createHealthServer(health: () => Health): Server {
  return createServer((request, response) => {
    const end = (status: number) => response.writeHead(status, { 'content-length': 0 }).end()
    if (guardProblem(request, loopbackOnly)) return end(403)
    if (request.url !== '/health') return end(404)
    if (request.method === 'GET' || request.method === 'HEAD') return sendHealth(request, response, health())
    response.setHeader('allow', 'GET, HEAD')
    end(405)
  })
}
