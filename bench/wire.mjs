// Requests by Node's own HTTP client: what they cost is what HTTP and TLS cost, and no SDK.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'

const revision = '2026-07-28'

const call = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'echo',
    arguments: { text: 'x'.repeat(64) },
    _meta: {
      [PROTOCOL_VERSION_META_KEY]: revision,
      [CLIENT_INFO_META_KEY]: { name: 'bench', version: '1.0.0' },
      [CLIENT_CAPABILITIES_META_KEY]: {},
    },
  },
})

const callHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': revision,
  'mcp-method': 'tools/call',
  'mcp-name': 'echo',
  'content-length': Buffer.byteLength(call),
}

/** @param {string} certDir */
export function clientTls(certDir) {
  const read = (/** @type {string} */ name) => readFileSync(join(certDir, name))
  return { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') }
}

/**
 * One server as this client calls it.
 * @param {string} url @param {string} certDir @param {number} connections
 */
export function caller(url, certDir, connections) {
  const secure = url.startsWith('https:')
  const client = secure ? https : http
  const options = { keepAlive: true, maxSockets: connections, ...(secure && clientTls(certDir)) }
  const agent = new client.Agent(options)
  /** @returns {Promise<void>} */
  const callOnce = () =>
    new Promise((resolve, reject) => {
      const request = client.request(url, { method: 'POST', agent, headers: callHeaders }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => {
          if (response.statusCode === 200 && body.includes('echo_text')) resolve()
          else reject(new Error(`${url} answered ${response.statusCode}: ${body.slice(0, 200)}`))
        })
      })
      request.on('error', reject).end(call)
    })
  return { call: callOnce, close: () => agent.destroy() }
}
