import { bothWays, type Usage } from '../support/both-ways.js'
import { forge, forgeCa } from '../support/forge.js'

const other = (usage: Usage): Usage => (usage === 'client' ? 'server' : 'client')
const handshakeCa = ['digitalSignature' as const, 'keyCertSign' as const]
const always = { strict: 'CERT_INVALID', demo: 'CERT_INVALID' } as const

bothWays([
  {
    title: 'a certificate for the other side',
    show: (ca, usage) => forge({ issuer: ca, usage: other(usage), dns: ['localhost'] }),
    ...always,
  },
  {
    title: 'a certificate for signing code',
    show: (ca) => forge({ issuer: ca, usage: ['1.3.6.1.5.5.7.3.3'], dns: ['localhost'] }),
    ...always,
  },
  {
    title: 'a certificate for any usage, which names neither side',
    show: (ca) => forge({ issuer: ca, usage: ['2.5.29.37.0'], dns: ['localhost'] }),
    ...always,
  },
  {
    title: 'a certificate for both sides',
    show: (ca) => forge({ issuer: ca, usage: 'both' }),
    strict: 'accepted',
    demo: 'accepted',
  },
  {
    title: 'a certificate of the known CA without extended key usage',
    show: (ca) => forge({ issuer: ca, usage: 'none', dns: ['localhost'] }),
    ...always,
  },
  {
    title: 'a CA certificate of the known CA',
    show: (ca, usage) => forge({ issuer: ca, usage, isCa: true, keyUsage: handshakeCa, dns: ['localhost'] }),
    ...always,
  },
  {
    title: 'a leaf that may sign certificates',
    show: (ca, usage) => forge({ issuer: ca, usage, keyUsage: handshakeCa }),
    ...always,
  },
  {
    title: 'a leaf whose key is not for signatures',
    show: (ca, usage) => forge({ issuer: ca, usage, keyUsage: ['keyAgreement'] }),
    ...always,
    serverVersions: ['TLSv1.3'],
  },
  {
    title: 'a certificate of version 1',
    show: (ca, usage) => forge({ issuer: ca, usage, version: 1 }),
    ...always,
  },
  {
    title: 'a critical extension that nobody knows',
    show: (ca, usage) => forge({ issuer: ca, usage, criticalUnknown: true }),
    ...always,
  },
  {
    title: 'two SPIFFE IDs',
    show: (ca, usage) => forge({ issuer: ca, usage, uri: ['spiffe://one/a', 'spiffe://one/b'] }),
    ...always,
  },
  {
    title: 'a leaf that was issued by a leaf',
    show: async (ca, usage) => {
      const issuer = await forge({ issuer: ca, usage: 'client', commonName: 'not a CA' })
      const leaf = await forge({ issuer, usage })
      return { cert: leaf.cert + issuer.cert, key: leaf.key }
    },
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CERT_INVALID',
  },
  {
    title: 'an intermediate beyond the path length of its issuer',
    show: async (ca, usage) => {
      const first = await forgeCa({ issuer: ca, pathLength: 0, commonName: 'First' })
      const second = await forgeCa({ issuer: first, commonName: 'Second' })
      const leaf = await forge({ issuer: second, usage })
      return { cert: leaf.cert + second.cert + first.cert, key: leaf.key }
    },
    ...always,
  },
])
