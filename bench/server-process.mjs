// One server in a process of its own, steered by messages from the bench: argv is the kind of transport,
// the name of a built-in server, and the directory of certificates.
import { readFileSync } from 'node:fs'
import { createServer as createHttps } from 'node:https'
import { join } from 'node:path'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { guardProblem, loopbackOnly } from '../dist/server/guard.js'
import { serve } from '../dist/server/index.js'
import { builtInServers } from '../dist/servers/index.js'
import { Gate } from '../dist/tls/gate.js'

const [transport = '', name = '', certDir = ''] = process.argv.slice(2)
const factory = builtInServers[/** @type {'echo'} */ (name)].create({ weatherProvider: 'simulated' })

const request = { headers: { host: 'localhost' }, rawHeaders: ['host', 'localhost', 'accept', '*/*'] }

/** @type {undefined | (() => void)} */
let judgeOnce
const { judgeRequest } = Gate.prototype
Gate.prototype.judgeRequest = function (socket) {
  judgeOnce ??= () => {
    judgeRequest.call(this, socket)
    guardProblem(request, loopbackOnly)
  }
  return judgeRequest.call(this, socket)
}

/** The same SDK behind Node's own mTLS and the SDK's own adapter: nothing of ours. */
async function serveBare() {
  const read = (/** @type {string} */ file) => readFileSync(join(certDir, file))
  const tls = {
    ca: read('ca.crt'),
    cert: read('server.crt'),
    key: read('server.key'),
    requestCert: true,
    keepAliveTimeout: 60_000, // ours, so that no turn of another transport outlasts it
  }
  const handle = toNodeHandler(createMcpHandler(factory, { legacy: 'stateless' }))
  // `exactOptionalPropertyTypes` and the SDK's type of a request do not agree.
  const listener = /** @type {import('node:http').RequestListener} */ (/** @type {unknown} */ (handle))
  const server = createHttps(tls, listener)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  return `https://localhost:${address.port}/mcp`
}

async function start() {
  if (transport === 'bare') return serveBare()
  const tlsEnabled = transport === 'mtls'
  const ports = tlsEnabled ? { tlsPort: 0 } : { httpPort: 0 }
  const { url } = await serve(factory, {
    name,
    tlsEnabled,
    ...ports,
    tls: { certDir },
    limits: { maxConnectionsPerIdentity: 10_000 },
    log: false,
  })
  return url
}

/** Nanoseconds for what every request pays: the certificate judged again, Host and Origin checked. */
function judgingCost() {
  const rounds = 50_000
  for (let round = 0; round < rounds; round++) judgeOnce?.()
  const begun = process.hrtime.bigint()
  for (let round = 0; round < rounds; round++) judgeOnce?.()
  return Number(process.hrtime.bigint() - begun) / rounds
}

process.on('message', (question) => {
  if (question === 'judging') process.send?.(judgingCost())
  if (question === 'collect') global.gc?.()
  if (question !== 'usage' && question !== 'collect') return
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  process.send?.({ cpu: user + system, rss, heap: heapUsed })
})
process.on('disconnect', () => process.exit())
process.send?.(await start())
