import { once } from 'node:events'
import { isIP, connect as plainConnect, type Socket } from 'node:net'
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { endpointOf, hostPortOf, waysTo } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { connectionLost } from './caller.js'
import type { ServerIdentityCheck } from './target.js'

export interface OpenedConnection {
  readonly socket: Socket
  readonly resumed: boolean
  /** To resume with; a server gives it after the handshake, with its first answer (RFC 8446 section 4.6.1). */
  readonly session: Buffer | undefined
}

/**
 * A connection with its first answer. With TLS 1.3 the client is done before the server has seen its
 * certificate: only the answer says that both are.
 */
export async function openConnection(
  url: URL,
  secureContext?: SecureContext,
  session?: Buffer,
  checkServerIdentity?: ServerIdentityCheck,
): Promise<OpenedConnection> {
  const { host, port } = endpointOf(url)
  const to = { host, port, noDelay: true, ...waysTo(host) }
  const secured = secureContext && {
    ...to,
    secureContext,
    ...(isIP(host) === 0 && { servername: host }),
    ...(session && { session }),
    ...(checkServerIdentity && { checkServerIdentity }),
  }
  const socket: Socket | TLSSocket = secured ? tlsConnect(secured) : plainConnect(to)
  let ticket: Buffer | undefined
  socket.on('session', (latest: Buffer) => {
    ticket = latest
  })
  try {
    await once(socket, secured ? 'secureConnect' : 'connect')
    socket.write(`GET /health HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    if (!String(answer).startsWith('HTTP/1.1 '))
      throw new MtlsError('CONNECTION_FAILED', `${hostPortOf(url)} does not answer in HTTP/1.1`)
    socket.on('error', () => undefined) // an idle connection that the server ends does not matter
    return { socket, resumed: 'isSessionReused' in socket && socket.isSessionReused(), session: ticket }
  } catch (error) {
    socket.destroy()
    throw error instanceof MtlsError ? error : connectionLost(url, error as NodeJS.ErrnoException)
  }
}
