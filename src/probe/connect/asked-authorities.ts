import { isIP, type Socket, connect as tcpConnect } from 'node:net'
import { Duplex } from 'node:stream'
import { createSecureContext } from 'node:tls'
import { waysTo } from '../../config/index.js'
import { connectTls } from '../../tls/client-socket.js'
import { contextOptions } from '../../tls/material/context.js'
import { pemOf } from '../../x509/certificate.js'
import { nameText, readName } from '../../x509/name.js'
import type { OpenOptions } from './open-tls.js'

/**
 * The CAs from which a server asks for a client certificate. Node does not expose them, and TLS 1.3 encrypts the
 * request, so they are read off the wire of a TLS 1.2 handshake. Undefined if the server does not speak TLS 1.2 or does
 * not ask; an empty list means any CA.
 */
export async function askedAuthorities(options: OpenOptions): Promise<readonly string[] | undefined> {
  const { host, port, serverName = host, identity, anchors, timeoutMs, signal } = options
  const ca = pemOf(anchors)
  const wire = tcpConnect({ host, port, ...waysTo(host) })
  const received: Buffer[] = []
  const socket = connectTls({
    socket: tapped(wire, (chunk) => received.push(chunk)),
    secureContext: createSecureContext({
      ...contextOptions({ identity: { ca }, minVersion: 'TLSv1.2' }),
      ...identity,
      maxVersion: 'TLSv1.2',
    }),
    ...(isIP(serverName) === 0 && { servername: serverName }),
  })
  const timer = setTimeout(() => wire.destroy(), timeoutMs)
  const abort = () => wire.destroy()
  signal?.addEventListener('abort', abort, { once: true })
  await new Promise<void>((resolve) => {
    socket
      .once('secureConnect', () => socket.end())
      .on('error', () => {})
      .resume()
    wire.once('close', () => resolve()).on('error', () => {})
  })
  clearTimeout(timer)
  signal?.removeEventListener('abort', abort)
  socket.destroy()
  return authoritiesIn(Buffer.concat(received))
}

/** A stream around this socket that also passes on what comes in. */
function tapped(wire: Socket, see: (chunk: Buffer) => void): Duplex {
  const duplex = new Duplex({
    read: () => void wire.resume(),
    write: (chunk, _encoding, done) => void wire.write(chunk, done),
    final: (done) => void wire.end(done),
    destroy: (error, done) => {
      wire.destroy()
      done(error)
    },
  })
  wire.on('data', (chunk: Buffer) => {
    see(chunk)
    if (!duplex.push(chunk)) wire.pause()
  })
  wire.on('end', () => duplex.push(null)).on('close', () => duplex.destroy())
  return duplex
}

const handshakeRecord = 22
const certificateRequest = 13

/** Reads the server's first flight of a TLS 1.2 handshake, which is in the clear (RFC 5246 section 7.4.4). */
export function authoritiesIn(received: Buffer): readonly string[] | undefined {
  try {
    const messages: Buffer[] = []
    for (let at = 0; at < received.length && received[at] === handshakeRecord; ) {
      const length = received.readUInt16BE(at + 3)
      messages.push(received.subarray(at + 5, at + 5 + length))
      at += 5 + length
    }
    const flight = Buffer.concat(messages)
    for (let at = 0; at < flight.length; ) {
      const length = flight.readUIntBE(at + 1, 3)
      if (flight[at] === certificateRequest) return namesIn(flight.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
  } catch {
    // cut off or malformed: unknown
  }
  return undefined
}

/** The names of CAs follow the certificate types and the signature algorithms. */
function namesIn(message: Buffer): readonly string[] {
  const types = 1 + message.readUInt8(0)
  const algorithms = 2 + message.readUInt16BE(types)
  const names: string[] = []
  for (let at = types + algorithms + 2; at < message.length; ) {
    const length = message.readUInt16BE(at)
    names.push(nameText(readName(message.subarray(at + 2, at + 2 + length))))
    at += 2 + length
  }
  return names
}
