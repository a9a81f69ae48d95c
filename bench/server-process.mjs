// One server in a process of its own, steered by messages from the bench: argv is a `Served` of server-child.mjs as JSON.
import { readFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { join } from 'node:path'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { expose } from '../dist/expose/index.js'
import { createMtlsServer, serve } from '../dist/server/index.js'
import { builtInServers } from '../dist/servers/index.js'
import { bareListener } from './bare-listener.mjs'
import { program, proxyListener, pump, pumpListener } from './in-between.mjs'

/** @type {import('./server-child.mjs').Served} */
const {
  kind,
  certDir,
  transport = 'mtls',
  tools = 2,
  limits: ofUsers,
  builtIn,
  behind,
  sessions = false,
  rules,
  recorded = false,
} = JSON.parse(process.argv[2] ?? '')

const idle = 600_000 // so that no turn of another server outlasts a connection
const most = 100_000
/** Nothing that is measured is turned away. */
const limits = ofUsers
  ? {}
  : {
      maxConnections: most,
      maxConnectionsPerAddress: most,
      maxConnectionsPerIdentity: most,
      maxRequestsPerIdentity: most,
      idleTimeout: idle,
    }
/** How ours is served, in one place. */
const usual = { tls: { certDir }, limits }

function benchServer() {
  const server = new McpServer(
    { name: 'bench', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true } } },
  )
  const text = (/** @type {string} */ said) => ({
    content: [{ type: /** @type {const} */ ('text'), text: said }],
  })
  const echo = { description: 'says it again', inputSchema: z.object({ text: z.string() }) }
  server.registerTool('echo', echo, ({ text: said }) => text(said))
  const sized = { description: 'says so much', inputSchema: z.object({ characters: z.number() }) }
  server.registerTool('sized', sized, ({ characters }) => text('x'.repeat(characters)))
  // As tools usually are: a few arguments, described, some of them of few values.
  const more = {
    description: 'one more',
    inputSchema: z.object({
      city: z.string().min(1).describe('Name of a city, with its country where there are several'),
      days: z.number().int().min(1).max(7).default(1).describe('Days of the forecast'),
      unit: z.enum(['celsius', 'fahrenheit']).optional().describe('Unit of temperatures'),
      fields: z.array(z.enum(['temperature', 'wind', 'rain'])).optional(),
    }),
  }
  for (let count = 2; count < tools; count++)
    server.registerTool(`tool-${count}`, more, ({ city }) => text(city))
  return server
}

const factory = builtIn ? builtInServers[builtIn].create({ weatherProvider: 'simulated' }) : benchServer

function bareOf() {
  if (behind === undefined) return bareListener
  return behind === 'program' ? pumpListener() : proxyListener(behind)
}

/** Behind Node's own server with nothing of ours. @param {import('node:http').RequestListener} listener */
function plain(listener) {
  const read = (/** @type {string} */ file) => readFileSync(join(certDir, file))
  const timeouts = { keepAliveTimeout: idle }
  const tls = () => ({ ca: read('ca.crt'), cert: read('server.crt'), key: read('server.key') })
  return transport === 'http'
    ? createHttp(timeouts, listener)
    : createHttps({ ...tls(), ...timeouts, requestCert: true }, listener)
}

/** @param {import('node:http').Server} server @returns {Promise<number>} its port */
async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port
}

/** Every peer may call what it does; the other rules are about others. @param {number} size */
function policyOf(size) {
  const rules = Array.from({ length: size }, (_, at) => ({
    name: `rule ${at}`,
    allow: [at === size >> 1 ? 'anyone' : `spiffe://example.org/agent/${at}`],
    tools: ['echo', `tool-${at}`],
  }))
  return { rules }
}

const start = {
  /** The floor: what Node itself costs. */
  bare: async () => listening(plain(bareOf())),
  /** The same application behind our gate. */
  gate: async () => listening(createMtlsServer(bareListener, { name: 'bench', tls: usual.tls, limits })),
  /** The SDK's own handler and adapter. */
  stock: async () => {
    const handle = toNodeHandler(createMcpHandler(factory, { legacy: 'stateless' }))
    // `exactOptionalPropertyTypes` and the SDK's type of a request do not agree.
    return listening(
      plain(/** @type {import('node:http').RequestListener} */ (/** @type {unknown} */ (handle))),
    )
  },
  ours: async () => {
    const ports = transport === 'mtls' ? { tlsPort: 0 } : { httpPort: 0, tlsEnabled: false }
    const policy = rules && policyOf(rules)
    const auditLog = recorded && join(certDir, `audit-${process.pid}.jsonl`)
    running = await serve(factory, {
      name: builtIn ?? 'bench',
      ...usual,
      ...ports,
      sessions,
      ...(policy && { policy }),
      ...(auditLog && { auditLog }),
    })
    return running.port
  },
  expose: async () => {
    const target =
      behind === 'program' ? { command: process.execPath, args: [program] } : { upstream: behind ?? '' }
    running = await expose({ ...target, ...usual, tlsPort: 0 })
    return running.port
  },
  /** The program itself, on stdin and stdout. */
  program: async () => {
    await import('./echo-program.mjs')
    return 0
  },
  pump: async () => {
    pump()
    return 0
  },
}

/** What a server of ours can be asked for. @type {import('../dist/server/index.js').RunningServer | undefined} */
let running

process.on('message', (question) => {
  if (question === 'reload')
    void running?.reload().then(
      () => process.send?.(true), // new or not: its files are watched
      () => process.send?.(false),
    )
  else if (question !== 'collect') report()
  else {
    global.gc?.() // lets finalizers run, whose garbage the second one takes
    setImmediate(() => {
      global.gc?.()
      report()
    })
  }
})

function report() {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  const handles = process.getActiveResourcesInfo().length
  process.send?.({ cpu: user + system, rss, heap: heapUsed + external, handles })
}
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => {}) // the bench ends it
process.send?.(await start[kind]().catch(String))
