import { once } from 'node:events'
import { createServer } from 'node:http'
import { type RequestOptions, request as requestOverTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import type { Mounted } from './stock-mounts.js'

/**
 * Plain HTTP in, mutual TLS out, for a suite that knows no certificates. Its own host and origin become those of the
 * server, as if the suite had spoken to it; everything else goes through as it came.
 */
export async function forwarder(
  target: string,
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key'>,
): Promise<Mounted> {
  const server = createServer((request, response) => {
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const headers = { ...request.headers }
    if (headers.host === own) headers.host = new URL(target).host
    if (headers.origin === `http://${own}`) headers.origin = new URL(target).origin
    const url = new URL(request.url ?? '/', target)
    // Without it Node would ask for, and check, the name in the Host header.
    const servername = url.hostname
    const onward = requestOverTls(url, { ...tls, servername, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      pipeline(answer, response, () => {})
    })
    onward.once('error', () => response.destroy())
    response.once('close', () => onward.destroy())
    pipeline(request, onward, () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
