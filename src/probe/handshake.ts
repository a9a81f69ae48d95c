import { isIP } from 'node:net'
import { createSecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { MtlsError } from '../errors.js'
import { negotiated, type TlsConnection } from '../tls/connection.js'
import { contextOptions } from '../tls/context.js'
import { handshakeError } from '../tls/handshake-error.js'
import { PeerReader } from '../tls/peer.js'
import type { PeerFacts } from '../tls/verdict.js'
import type { CertificateFacts } from '../x509/certificate.js'

/** A certificate with its chain and its key, PEM. */
export interface Shown {
  readonly cert: string
  readonly key: string
  readonly passphrase?: string | undefined
}

export interface HandshakeOptions {
  readonly host: string
  readonly port: number
  /** The CAs to climb to. */
  readonly anchors: readonly CertificateFacts[]
  /** What we show when we are asked; nothing without it. */
  readonly identity?: Shown | undefined
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /** For connection and handshake together, milliseconds. */
  readonly timeoutMs: number
}

/** What one handshake showed; nothing is judged. */
export interface Handshake {
  readonly peer: PeerFacts
  readonly negotiated: Pick<TlsConnection, 'tlsVersion' | 'cipherSuite' | 'keyExchange'>
  readonly clientCertificateRequested: boolean
}

/**
 * One TLS handshake with a server, as our client makes it; no byte of a request is sent. A server that does not like
 * our certificate may say so only later (TLS 1.3). Throws `CERT_INVALID` for our own identity, `CONNECTION_FAILED`,
 * `CONNECTION_TIMEOUT`, and what `handshakeError` tells.
 */
export async function handshake(options: HandshakeOptions): Promise<Handshake> {
  const { host, port, anchors, timeoutMs } = options
  const server = `the server at ${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const socket = tlsConnect({
    host,
    port,
    secureContext: contextOf(options),
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ['http/1.1'],
    // Judging is the caller's: it wants to know everything that is wrong.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
  try {
    await established(socket, server, timeoutMs)
  } catch (error) {
    socket.destroy()
    throw error
  }
  try {
    const { tlsVersion, cipherSuite, keyExchange } = negotiated(socket)
    return {
      peer: new PeerReader(anchors).read(socket),
      negotiated: { tlsVersion, cipherSuite, keyExchange },
      // On a client these are what the server's CertificateRequest brought (RFC 8446 section 4.3.2).
      clientCertificateRequested: socket.getSharedSigalgs().length > 0,
    }
  } finally {
    await farewell(socket)
  }
}

/** The server's side of the handshake ends after ours: it gets the time for it, or its log would tell of a broken one. */
async function farewell(socket: TLSSocket): Promise<void> {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), 1000)
  await new Promise((resolve) => socket.once('close', resolve).resume().end())
  clearTimeout(timer)
}

function contextOf({ anchors, identity, minVersion = 'TLSv1.2' }: HandshakeOptions) {
  try {
    const ca = anchors.map(({ x509 }) => x509.toString())
    return createSecureContext({
      ...contextOptions({ identity: { ca }, minVersion }),
      ...identity,
    })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new MtlsError('CERT_INVALID', `our client certificate cannot be used: ${code ?? 'unknown error'}`, {
      hint: 'See what is wrong with it: `mcp-mtls cert-check FILE`.',
    })
  }
}

function established(socket: TLSSocket, server: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let connected = false
    socket.once('connect', () => {
      connected = true
    })
    const late = () =>
      reject(
        connected
          ? new MtlsError(
              'TLS_HANDSHAKE_TIMEOUT',
              `${server} did not finish the TLS handshake within ${timeoutMs} ms`,
            )
          : new MtlsError('CONNECTION_TIMEOUT', `no connection to ${server} within ${timeoutMs} ms`),
      )
    const timer = setTimeout(late, timeoutMs)
    socket.once('close', () => clearTimeout(timer))
    socket.once('secureConnect', () => resolve())
    // Stays for the rest of its life: what comes after the handshake is nobody's concern here.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        connected
          ? handshakeError(error, server)
          : new MtlsError(
              'CONNECTION_FAILED',
              `no connection to ${server} (${error.code ?? error.message})`,
              {
                cause: error,
              },
            ),
      ),
    )
  })
}
