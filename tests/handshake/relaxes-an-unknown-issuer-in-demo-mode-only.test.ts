import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Shown } from '../support/bare-peers.js'
import { bothWays, type Row } from '../support/both-ways.js'
import { type ForgeOptions, forge, forgeCa } from '../support/forge.js'

const day = 86_400_000
const longAgo = { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }
const handshakeCa: ForgeOptions['keyUsage'] = ['digitalSignature', 'keyCertSign']
const otherCa = forgeCa({ commonName: 'Other CA' })

bothWays([
  {
    title: 'a certificate of an unknown issuer',
    show: async (_ca, usage) => forge({ issuer: await otherCa, usage }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown'],
  },
  {
    title: 'a certificate of an unknown issuer that is shown along',
    show: async (_ca, usage) => {
      const issuer = await otherCa
      const leaf = await forge({ issuer, usage })
      return { cert: leaf.cert + issuer.cert, key: leaf.key }
    },
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown'],
  },
  {
    title:
      'a certificate of an issuer that bears the name of the known one, with a key identifier of its own',
    show: async ({ subject }, usage) => forge({ issuer: { ...(await otherCa), subject }, usage }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a certificate of an unknown issuer that is signed with SHA-1, both shown',
    show: async (_ca, usage) => {
      const issuer = await forgeCa({ issuer: await otherCa, commonName: 'Weak', hash: 'SHA-1' })
      const leaf = await forge({ issuer, usage })
      return { cert: leaf.cert + issuer.cert, key: leaf.key }
    },
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  ...['Forged CA', 'FORGED  ca '].map(
    (commonName): Row => ({
      title: `a certificate of a root of its own that bears the name of the known one, ${JSON.stringify(commonName)}`,
      show: async (_ca, usage) => {
        const issuer = await forgeCa({ commonName })
        const leaf = await forge({ issuer, usage })
        return { cert: leaf.cert + issuer.cert, key: leaf.key }
      },
      strict: 'CLIENT_CERT_REJECTED',
      demo: 'CERT_INVALID',
    }),
  ),
  {
    title: 'a self-signed certificate',
    show: (_ca, usage) => forge({ usage }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown'],
  },
  {
    title: 'a self-signed certificate that is marked as a CA',
    show: (_ca, usage) => forge({ usage, isCa: true, dns: ['localhost'], keyUsage: handshakeCa }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown', 'self-signed-ca'],
  },
  {
    title: 'a CA as its own leaf, which may sign certificates only',
    show: (_ca, usage) => forge({ usage, isCa: true, dns: ['localhost'] }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown', 'self-signed-ca'],
    serverVersions: ['TLSv1.3'],
  },
  {
    title: 'a self-signed certificate whose key is not for signatures',
    show: (_ca, usage) => forge({ usage, keyUsage: ['keyAgreement'] }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
    serverVersions: ['TLSv1.3'],
  },
  {
    title: 'a self-signed certificate without extended key usage',
    show: () => forge({ usage: 'none', dns: ['localhost'] }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown', 'self-signed-ca'],
  },
  {
    title: 'what openssl req -x509 makes',
    show: () => opensslSelfSigned(),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown', 'self-signed-ca'],
  },
  {
    title: 'a certificate that is self-signed and expired',
    show: (_ca, usage) => forge({ usage, ...longAgo }),
    strict: 'CERT_EXPIRED',
    demo: 'CERT_EXPIRED',
  },
  {
    title: 'a certificate that is self-signed and not valid yet',
    show: (_ca, usage) => forge({ usage, notBefore: new Date(Date.now() + day) }),
    strict: 'CERT_NOT_YET_VALID',
    demo: 'CERT_NOT_YET_VALID',
  },
  {
    title: 'a self-signed certificate with a short key',
    show: (_ca, usage) => forge({ usage, keyType: 'rsa', keySize: 1024 }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a certificate that signed itself with SHA-1',
    show: (_ca, usage) => forge({ usage, hash: 'SHA-1' }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a certificate of an unknown issuer for another usage',
    show: async (_ca, usage) =>
      forge({ issuer: await otherCa, usage: usage === 'client' ? 'server' : 'client', dns: ['localhost'] }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a certificate of an unknown issuer without extended key usage',
    show: async () => forge({ issuer: await otherCa, usage: 'none', dns: ['localhost'] }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a CA certificate of an unknown issuer',
    show: async (_ca, usage) =>
      forge({ issuer: await otherCa, usage, isCa: true, dns: ['localhost'], keyUsage: handshakeCa }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
])

/** Its defaults mark a CA, leave the extended key usage out and sign with SHA-256. */
async function opensslSelfSigned(): Promise<Shown> {
  const dir = await mkdtemp(join(tmpdir(), 'openssl-req-'))
  const file = (name: string) => join(dir, name)
  const names = ['-subj', '/CN=somebody', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', file('key.pem'), '-out', file('cert.pem')]
  try {
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '90', ...names, ...files]
    await promisify(execFile)('openssl', args)
    return { cert: await readFile(file('cert.pem'), 'utf8'), key: await readFile(file('key.pem'), 'utf8') }
  } finally {
    await rm(dir, { recursive: true })
  }
}
