import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { extname } from 'node:path'
import { MonitorMetrics } from './metrics.js'
import type { Monitor } from './monitor.js'
import { serverStates } from './snapshot.js'
import { Updates, updateOf } from './updates.js'

export interface StatusServerOptions {
  readonly monitor: Monitor
  /** Of this package. */
  readonly version: string
  /** How long a look may be overdue before `/health` says that the monitor hangs, milliseconds. */
  readonly patienceMs: number
}

interface Answer {
  readonly status?: number
  readonly type: string
  readonly body: string
}

/** The status page and its files, for browsers and tools on this machine. It must listen on loopback. */
export function createStatusServer(options: StatusServerOptions): Server {
  const { monitor, version } = options
  const updates = new Updates(monitor, version)
  const metrics = new MonitorMetrics(monitor)
  const begun = Date.now()
  const answers: Readonly<Record<string, () => Answer | Promise<Answer>>> = {
    ...pageFiles(),
    '/status.json': () => ({ type: 'application/json', body: updateOf(monitor, version) }),
    '/health': () => health(options, begun),
    '/metrics': async () => ({ type: metrics.contentType, body: await metrics.text() }),
  }
  return createServer((request, response) => {
    for (const [name, value] of Object.entries(protection)) response.setHeader(name, value)
    const end = (status: number) => response.writeHead(status, { 'content-length': 0 }).end()
    if (!isForUs(request)) return end(403)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return end(405)
    }
    const [path = ''] = (request.url ?? '').split('?', 1)
    if (path === '/updates' && request.method === 'GET') return updates.add(response)
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (!answer) return end(404)
    return void Promise.resolve(answer()).then(({ status = 200, type, body }) => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
      response.end(request.method === 'HEAD' ? undefined : body)
    })
  }).on('close', () => updates.close())
}

const typeOf: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The files of the page by name, read once, so that an upgrade during operation does not mix versions. */
function pageFiles(): Record<string, () => Answer> {
  const folder = new URL('./page/', import.meta.url)
  const files = readdirSync(folder).flatMap((name) => {
    const type = typeOf[extname(name)]
    if (type === undefined) return []
    const answer = { type, body: readFileSync(new URL(name, folder), 'utf8') }
    return [[name === 'page.html' ? '/' : `/${name}`, () => answer] as const]
  })
  return Object.fromEntries(files)
}

/** Nothing from other origins, nothing inline, no framing: the data shown comes from peers. */
const protection = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

const ourHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** A page from another origin whose name was made to point here (DNS rebinding) still sends that name. */
function isForUs({ headers: { host = '', origin } }: Pick<IncomingMessage, 'headers'>): boolean {
  return (
    ourHost.test(host) && (origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`)
  )
}

/** The monitor's own health: 503 when it no longer checks anything. */
function health({ monitor, version, patienceMs }: StatusServerOptions, begun: number): Answer {
  const { at, level, servers, certificates } = monitor.snapshot()
  const looks = Date.now() - Date.parse(at) < patienceMs
  const body = {
    status: looks ? 'ok' : 'hanging',
    version,
    uptime_seconds: Math.floor((Date.now() - begun) / 1000),
    last_look: at,
    level,
    servers: Object.fromEntries(
      serverStates.map((state) => [state, servers.filter((server) => server.state === state).length]),
    ),
    certificates: certificates.length,
  }
  return { status: looks ? 200 : 503, type: 'application/json', body: JSON.stringify(body) }
}
