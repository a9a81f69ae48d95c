// One way to keep a server busy, in a process of its own, from 127.0.0.2: argv is the way, the port, and the
// directory of certificates. It goes on until it is killed.
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { costlyCas, stranger } from './costly-chain.mjs'
import { clientTls } from './wire.mjs'

const [way = '', port = '', certDir = ''] = process.argv.slice(2)
const to = { host: '127.0.0.1', port: Number(port), localAddress: '127.0.0.2' }
const trusted = { ...to, servername: 'localhost', ...clientTls(certDir) }
const head = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

/**
 * Opens so many sockets, and each again when it has ended.
 * @param {number} count @param {() => import('node:net').Socket} open @param {number} pause milliseconds
 */
function keepOpen(count, open, pause) {
  for (let one = 0; one < count; one++) {
    const again = () => {
      const socket = open()
      socket.on('error', () => {}).once('close', () => setTimeout(again, pause))
    }
    setTimeout(again, one)
  }
}

const unknown = { ...to, servername: 'localhost', rejectUnauthorized: false }

/** @type {Record<string, () => void>} */
const ways = {
  'costly chains': () => {
    const options = { ...unknown, ...costlyCas(20) }
    keepOpen(1, () => connect(options).resume(), 1000)
  },
  'refused handshakes': () => {
    const options = { ...unknown, ...stranger }
    const shown = () => {
      const socket = connect(options, () => socket.destroy())
      return socket
    }
    keepOpen(64, shown, 0)
  },
  'broken handshakes': () => keepOpen(64, () => connectPlain(to).end('GET / HTTP/1.1\r\n\r\n').resume(), 0),
  'silent sockets': () => keepOpen(3000, () => connectPlain(to), 100),
  'half-closed': () =>
    keepOpen(
      200,
      () => {
        const socket = connect(trusted, () => socket.end()).resume()
        return socket
      },
      1000, // 200 handshakes a second that succeed: more is load, not a trick
    ),
  'slow heads': () => keepOpen(200, () => drip(connect(trusted), `${head}X-Slow: `), 100),
  'slow bodies': () =>
    keepOpen(200, () => drip(connect(trusted), `${head}Content-Length: 1000000\r\n\r\n`), 100),
  'readers that do not read': () =>
    keepOpen(
      100,
      () => {
        const socket = connect(trusted)
        socket.pause()
        const asking = setInterval(
          () => socket.writable && socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'),
          50,
        )
        socket.once('close', () => clearInterval(asking))
        return socket
      },
      100,
    ),
}

/** @param {import('node:net').Socket} socket @param {string} begin */
function drip(socket, begin) {
  socket.write(begin)
  const dripping = setInterval(() => socket.writable && socket.write('x'), 500)
  return socket.once('close', () => clearInterval(dripping)).resume()
}

ways[way]?.()
