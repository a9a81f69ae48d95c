import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { AsnConvert } from '@peculiar/asn1-schema'
import { Certificate } from '@peculiar/asn1-x509'
import type { Shown } from './bare-peers.js'
import type { Forged } from './forge.js'

/**
 * Somebody's P-256 certificate with a key that is not theirs but carries their public half: OpenSSL compares
 * only that half when it loads the pair, so a peer can be made that signs its handshakes wrongly.
 */
export function stolen({ cert }: Pick<Forged, 'cert'>): Shown {
  const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = mine.privateKey.export({ format: 'der', type: 'sec1' })
  // The uncompressed point, 65 bytes, ends both encodings.
  new X509Certificate(cert).publicKey
    .export({ format: 'der', type: 'spki' })
    .subarray(-65)
    .copy(key, key.length - 65)
  return { cert, key: pem('EC PRIVATE KEY', key) }
}

/** The same certificate with an extension twice, the first by default, which RFC 5280 section 4.2 forbids; signed with SHA-256. */
export function withExtensionTwice(forged: Forged, issuer: Forged, id?: string): Shown {
  const certificate = AsnConvert.parse(forged.der, Certificate)
  const { extensions } = certificate.tbsCertificate
  const twice = extensions?.find(({ extnID }) => id === undefined || extnID === id)
  if (twice) extensions?.push(twice)
  const body = Buffer.from(AsnConvert.serialize(certificate.tbsCertificate))
  certificate.signatureValue = new Uint8Array(sign('sha256', body, issuer.privateKey)).buffer
  return { cert: pem('CERTIFICATE', Buffer.from(AsnConvert.serialize(certificate))), key: forged.key }
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** How often the bytes came by. */
  hits(): number
}

/** A proxy for TCP that breaks these bytes wherever they come by in one piece, in either direction. */
export async function tamperingProxy(target: number, bytes: Buffer): Promise<Proxy> {
  let hits = 0
  const sockets = new Set<Socket>()
  const forward = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      const at = chunk.indexOf(bytes)
      if (at >= 0) {
        hits += 1
        chunk[at] = 0
      }
      to.write(chunk)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
  }
  const server = createServer((client) => {
    const onward = connect(target, '127.0.0.1')
    forward(client, onward)
    forward(onward, client)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    hits: () => hits,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
