import { createAuthority, type Issued, issue } from '../../../pki/index.js'
import { CertificateStore } from '../../../pki/store/store.js'
import { makeStrangers, type Strangers } from '../../../probe/audit/strangers.js'

export interface DemoCertificates {
  readonly ca: Issued
  readonly server: Issued
  readonly client: Issued
  /** Certificates that must be rejected. */
  readonly strangers: Strangers
}

/** One CA with a server and a client in `directory`; the strangers' certificates stay in memory. */
export async function makeDemoCertificates(directory: string): Promise<DemoCertificates> {
  const ca = await createAuthority({ commonName: 'mcp-mtls demo CA' })
  const subjectAltNames = ['localhost', '127.0.0.1', '::1']
  const server = await issue(ca, { type: 'server', commonName: 'mcp-server', subjectAltNames })
  const client = await issue(ca, { type: 'client', commonName: 'mcp-client' })
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
  return { ca, server, client, strangers: await makeStrangers(ca) }
}
