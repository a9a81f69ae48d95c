import { CertificateStore, createAuthority, type Issued, issue, selfSigned } from '../../pki/index.js'

const day = 86_400_000

/** A certificate with its key, as a TLS client takes it. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface DemoCertificates {
  readonly ca: Issued
  readonly server: Issued
  readonly client: Issued
  /** Certificates that must open nothing. */
  readonly strangers: Readonly<Record<'otherCa' | 'selfSigned' | 'expired' | 'serverAsClient', KeyPair>>
}

/** One CA with a server and a client in `directory`; the strangers' certificates stay in memory. */
export async function makeDemoCertificates(directory: string, now: Date): Promise<DemoCertificates> {
  // The CA is three days old, so that it can have issued a certificate that expired yesterday.
  const ca = await createAuthority(
    { commonName: 'mcp-mtls demo CA' },
    { now: new Date(now.getTime() - 3 * day) },
  )
  const otherCa = await createAuthority({ commonName: 'Some other CA' })
  const subjectAltNames = ['localhost', '127.0.0.1', '::1']
  const server = await issue(ca, { type: 'server', commonName: 'mcp-server', subjectAltNames })
  const client = await issue(ca, { type: 'client', commonName: 'mcp-client' })
  const expired = await issue(
    ca,
    { type: 'client', commonName: 'late-client', validityDays: 1 },
    { now: new Date(now.getTime() - 2 * day) },
  )
  const store = new CertificateStore(directory)
  await store.exclusively(() =>
    store.commit(
      new Map([
        ['ca.crt', ca.certificate],
        ['server.crt', server.certificate],
        ['server.key', server.privateKey],
        ['client.crt', client.certificate],
        ['client.key', client.privateKey],
      ]),
    ),
  )
  const stranger = { type: 'client', commonName: 'stranger' } as const
  return {
    ca,
    server,
    client,
    strangers: {
      otherCa: keyPair(await issue(otherCa, stranger)),
      selfSigned: keyPair(await selfSigned(stranger)),
      expired: keyPair(expired),
      serverAsClient: keyPair(server),
    },
  }
}

function keyPair({ certificate, privateKey }: Issued): KeyPair {
  return { cert: certificate, key: privateKey }
}
