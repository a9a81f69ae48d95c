import { createServer, type Server } from 'node:http'
import { guardProblem, loopbackOnly } from '../guard.js'
import { type Observed, pagePaths, servePage } from './pages.js'

/** For probes on this machine that have no certificate. It says nothing about peers and does not serve MCP. */
export function createHealthServer(observed: Omit<Observed, 'about'>): Server {
  return createServer((request, response) => {
    const end = (status: number) => response.writeHead(status, { 'content-length': 0 }).end()
    const path = request.url ?? '/'
    if (guardProblem(request, loopbackOnly)) return end(403)
    if (!pagePaths.includes(path)) return end(404)
    if (request.method === 'GET' || request.method === 'HEAD')
      return void servePage(path, request, response, { ...observed, about: 'own' })
    response.setHeader('allow', 'GET, HEAD')
    return end(405)
  })
}
