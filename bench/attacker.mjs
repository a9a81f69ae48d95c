// One way to keep a server busy, in a process of its own, from 127.0.0.2: argv is the way, the port, and the
// directory of certificates. It goes on until it is killed.
import { generateKeyPairSync } from 'node:crypto'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { AsnConvert } from '@peculiar/asn1-schema'
import { Certificate } from '@peculiar/asn1-x509'
import { createAuthority, issue } from '../dist/pki/index.js'
import { encoded } from '../dist/x509/der.js'
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

/** A client certificate of a CA that nobody trusts. */
async function stranger() {
  const { certificate, privateKey } = await issue(await createAuthority(), {
    type: 'client',
    commonName: 'stranger',
  })
  return { ...to, servername: 'localhost', cert: certificate, key: privateKey, rejectUnauthorized: false }
}

/** A leaf, and CAs that name each other, with exponents as long as their keys. */
async function costlyChain() {
  const { cert, key } = await stranger()
  const parsed = () => AsnConvert.parse(Buffer.from(cert.split('-----')[2] ?? '', 'base64'), Certificate)
  const modulus =
    generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey.export({ format: 'jwk' }).n ?? ''
  const number = (/** @type {Buffer} */ bytes) => encoded(2, Buffer.from([0]), bytes)
  const n = Buffer.from(modulus, 'base64url')
  const e = Buffer.from(n)
  e[0] = (e[0] ?? 0) >> 1 // below the modulus
  e[e.length - 1] = (e[e.length - 1] ?? 0) | 1
  const name = (/** @type {number} */ level) => {
    const authority = parsed().tbsCertificate.issuer
    const [attribute] = authority[0] ?? []
    if (attribute) attribute.value.utf8String = `level ${level}`
    return authority
  }
  const pem = (/** @type {Certificate} */ one) =>
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(AsnConvert.serialize(one)).toString('base64')}\n-----END CERTIFICATE-----\n`
  const leaf = parsed()
  leaf.tbsCertificate.issuer = name(0)
  delete leaf.tbsCertificate.extensions
  const cas = Array.from({ length: 20 }, (_, level) => {
    const ca = parsed()
    ca.tbsCertificate.subject = name(level)
    ca.tbsCertificate.issuer = name(level + 1)
    delete ca.tbsCertificate.extensions
    ca.tbsCertificate.serialNumber = Uint8Array.from([1, level]).buffer
    const info = ca.tbsCertificate.subjectPublicKeyInfo
    info.algorithm.algorithm = '1.2.840.113549.1.1.1'
    info.algorithm.parameters = Uint8Array.from([5, 0]).buffer
    info.subjectPublicKey = Uint8Array.from(encoded(0x30, number(n), number(e))).buffer
    return ca
  })
  return {
    ...to,
    servername: 'localhost',
    cert: [leaf, ...cas].map(pem).join(''),
    key,
    rejectUnauthorized: false,
  }
}

/** @type {Record<string, () => void | Promise<void>>} */
const ways = {
  'costly chains': async () => {
    const options = await costlyChain()
    keepOpen(1, () => connect(options).resume(), 1000)
  },
  'refused handshakes': async () => {
    const options = await stranger()
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
      () =>
        connect(trusted, function () {
          this.end()
        }).resume(),
      100,
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

await ways[way]?.()
