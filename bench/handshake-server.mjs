// One HTTPS server in a process of its own: argv is its kind (`bare`: `node:https` alone; `ours`: the gate, with its log;
// `quiet`: the gate without a log) and the directory of certificates. Each answers every request alike.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { createMtlsServer } from '../dist/server/index.js'

const [kind = '', certDir = ''] = process.argv.slice(2)

/** @type {import('node:http').RequestListener} */
const answer = (_request, response) => response.end('{"ok":true}')

function bare() {
  const read = (/** @type {string} */ file) => readFileSync(join(certDir, file))
  const tls = { ca: read('ca.crt'), cert: read('server.crt'), key: read('server.key'), requestCert: true }
  return createServer({ ...tls, noDelay: true, keepAliveTimeout: 600_000 }, answer)
}

function ours() {
  const most = 100_000
  return createMtlsServer(answer, {
    name: 'measured',
    tls: { certDir },
    limits: {
      maxConnections: most,
      maxConnectionsPerAddress: most,
      maxConnectionsPerIdentity: most,
      idleTimeout: 600_000,
    },
    ...(kind === 'quiet' && { log: false }),
  })
}

const server = kind === 'bare' ? bare() : ours()
server.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.send?.(address.port)
})

process.on('message', (question) => {
  if (question === 'collect') {
    global.gc?.() // lets finalizers run, whose garbage the second one takes
    setImmediate(() => {
      global.gc?.()
      report()
    })
  } else report()
})
process.on('disconnect', () => process.exit())

function report() {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  process.send?.({ cpu: user + system, rss, heap: heapUsed + external })
}
