// What a connection costs: to set up with its first answer, in full and resumed, and to keep.
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { median, round } from './figures.mjs'
import { ServerChild } from './server-child.mjs'
import { clientTls } from './wire.mjs'

const question = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** @typedef {{ socket: import('node:net').Socket, ticket: Buffer | undefined, resumed: boolean }} Opened */

/**
 * Opens a connection and reads its first answer.
 * @param {string} url @param {ReturnType<typeof clientTls> | undefined} tls @param {Buffer} [session]
 * @returns {Promise<Opened>}
 */
async function open(url, tls, session) {
  const to = { host: '127.0.0.1', port: Number(new URL(url).port) }
  const options = { ...to, servername: 'localhost', ...tls, ...(session && { session }) }
  const socket = tls ? connect(options) : connectPlain(to)
  let ticket
  socket.on('session', (/** @type {Buffer} */ latest) => {
    ticket = latest
  })
  socket.setNoDelay(true)
  await once(socket, tls ? 'secureConnect' : 'connect')
  socket.write(question)
  const [answer] = await once(socket, 'data')
  if (!String(answer).startsWith('HTTP/1.1 200')) throw new Error(String(answer))
  const resumed =
    'isSessionReused' in socket && /** @type {import('node:tls').TLSSocket} */ (socket).isSessionReused()
  return { socket, ticket, resumed }
}

/** @param {{ certDir: string, rounds: number, idle: number }} options */
export async function connectionCost({ certDir, rounds, idle }) {
  const tls = clientTls(certDir)
  const [plain, mtls] = await Promise.all([
    ServerChild.start('http', 'echo', certDir),
    ServerChild.start('mtls', 'echo', certDir),
  ])
  /** @type {Record<'plain' | 'full' | 'resumed', number[]>} */
  const times = { plain: [], full: [], resumed: [] }
  const timed = async (/** @type {keyof typeof times} */ kind, /** @type {() => Promise<Opened>} */ act) => {
    const begun = performance.now()
    const opened = await act()
    times[kind].push(performance.now() - begun)
    opened.socket.destroy()
    return opened
  }
  for (let count = 0; count < rounds; count++) {
    await timed('plain', () => open(plain.url, undefined))
    const { ticket } = await timed('full', () => open(mtls.url, tls))
    const { resumed } = await timed('resumed', () => open(mtls.url, tls, ticket))
    if (!resumed) throw new Error('the session was not resumed')
  }
  for (const child of [plain, mtls]) child.stop()
  return {
    handshake: {
      plain_ms: round(median(times.plain)),
      full_ms: round(median(times.full)),
      resumed_ms: round(median(times.resumed)),
    },
    memory_per_connection_bytes: {
      http: await memoryPerConnection('http', undefined, certDir, idle),
      mtls: await memoryPerConnection('mtls', tls, certDir, idle),
    },
  }
}

/**
 * In a process that does nothing else: what is resident after a collection, with and without idle connections.
 * @param {'http' | 'mtls'} transport @param {ReturnType<typeof clientTls> | undefined} tls
 * @param {string} certDir @param {number} idle
 */
async function memoryPerConnection(transport, tls, certDir, idle) {
  const child = await ServerChild.start(transport, 'echo', certDir)
  const batch = async (/** @type {number} */ count) => {
    const opened = []
    for (let index = 0; index < count; index++) opened.push((await open(child.url, tls)).socket)
    return opened
  }
  const warm = await batch(50)
  const before = await child.usageCollected()
  const sockets = await batch(idle)
  const after = await child.usageCollected()
  for (const socket of [...warm, ...sockets]) socket.destroy()
  child.stop()
  return Math.round((after.rss - before.rss) / idle)
}
