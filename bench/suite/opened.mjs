// Connections by hand: what they cost is what TLS and the server cost.
import { once } from 'node:events'
import { connect, createSecureContext } from 'node:tls'
import { clientTls } from '../wire.mjs'

/** @param {string} certDir */
export function opener(certDir, path = '/') {
  const secureContext = createSecureContext({ ...clientTls(certDir), minVersion: 'TLSv1.3' })
  /** A connection with its first answer, and the ticket it got. @param {number} port @param {Buffer} [session] */
  return async (port, session) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', secureContext, session })
    /** @type {Buffer | undefined} */
    let ticket
    socket.on('session', (latest) => {
      ticket = latest
    })
    await once(socket, 'secureConnect')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    if (!String(answer).startsWith('HTTP/1.1 200')) throw new Error(String(answer))
    if (session && !socket.isSessionReused()) throw new Error('the session was not resumed')
    socket.on('error', () => {}) // an idle connection that the server ends does not matter
    return { socket, ticket }
  }
}

/**
 * CPU of the server for one connection with its first answer, in µs.
 * @param {import('../server-child.mjs').ServerChild} server @param {ReturnType<typeof opener>} open
 * @param {boolean} isResumed @param {number} count
 */
export async function handshakeCost(server, open, isResumed, count) {
  const atOnce = 8
  const first = await open(server.port)
  first.socket.destroy()
  const session = isResumed ? first.ticket : undefined
  const before = await server.usageCollected()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let done = 0; done < count / atOnce; done++) {
        const { socket } = await open(server.port, session)
        socket.destroy()
        await once(socket, 'close')
      }
    }),
  )
  const after = await server.usage()
  return (after.cpu - before.cpu) / (Math.ceil(count / atOnce) * atOnce)
}
