import { isIP } from 'node:net'
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { connectionError } from '../../client/failure.js'
import { waysTo } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { hostPort } from '../../text/host.js'
import { connectTls } from '../../tls/client-socket.js'
import { handshakeError } from '../../tls/handshake-error.js'
import { contextOptions, unusable } from '../../tls/material/context.js'
import type { Material } from '../../tls/material/material.js'
import { type CertificateFacts, pemOf } from '../../x509/certificate.js'

/** What a client presents: its certificate with the chain, and the key, PEM. */
export interface ClientIdentity {
  readonly cert: string
  readonly key: string
  readonly passphrase?: string | undefined
}

export interface OpenOptions {
  readonly host: string
  readonly port: number
  /** The name to ask for, instead of the host. */
  readonly serverName?: string | undefined
  /** The CAs at which a chain may end. */
  readonly anchors: readonly CertificateFacts[]
  /** Which of them may give which SPIFFE IDs; without it none is bound. */
  readonly domains?: Material['domains'] | undefined
  /** The identities of which the server must have one, as they are compared, instead of the name. */
  readonly serverIds?: readonly string[] | undefined
  /** What we present when asked; nothing if absent. */
  readonly identity?: ClientIdentity | undefined
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /** Replaces what our client offers: older versions, other suites. */
  readonly offer?: Pick<SecureContextOptions, 'minVersion' | 'maxVersion' | 'ciphers' | 'secureOptions'>
  /** Of an earlier connection. */
  readonly session?: Buffer | undefined
  /** For connection and handshake together, milliseconds. */
  readonly timeoutMs: number
  /** Destroys the connection, at any time. */
  readonly signal?: AbortSignal | undefined
}

/** How messages name the server. */
export function serverAt(target: Pick<OpenOptions, 'host' | 'port'>): string {
  return `the server at ${hostPort(target)}`
}

/**
 * A connection whose handshake is finished and whose server has not been judged yet. Throws `CERT_INVALID` for our own
 * identity, `CONNECTION_FAILED`, `CONNECTION_TIMEOUT`, and the errors of `handshakeError`.
 */
export async function openTls(options: OpenOptions): Promise<TLSSocket> {
  const { host, port, serverName = host, session, timeoutMs, signal } = options
  const socket = connectTls({
    host,
    port,
    ...waysTo(host),
    secureContext: contextOf(options),
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(session && { session }),
    ALPNProtocols: ['http/1.1'],
  })
  const abort = () => socket.destroy(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  socket.once('close', () => signal?.removeEventListener('abort', abort))
  try {
    await established(socket, serverAt(options), timeoutMs)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/**
 * Closes a connection after the server's side of the handshake, which ends after ours: otherwise its log would report a
 * broken one.
 */
export async function closeGracefully(socket: TLSSocket): Promise<void> {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), 1000)
  await new Promise((resolve) => socket.once('close', resolve).resume().end())
  clearTimeout(timer)
}

function contextOf({ anchors, identity, minVersion = 'TLSv1.2', offer }: OpenOptions) {
  try {
    const ca = pemOf(anchors)
    return createSecureContext({
      ...contextOptions({ identity: { ca }, minVersion }),
      ...identity,
      ...offer,
    })
  } catch (error) {
    throw unusable('our client certificate', error)
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
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      resolve()
    })
    // Stays until the connection closes: errors after the handshake are handled elsewhere.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(connected ? handshakeError(error, server) : connectionError(error, server)),
    )
  })
}
