import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { bothWays, type Row } from '../support/both-ways.js'
import { type Forged, forge, forgeCa, forgeCrl } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

const day = 86_400_000
const revoked = 'bad5e41a1'
const past = { thisUpdate: new Date(Date.now() - 2 * day), nextUpdate: new Date(Date.now() - day) }

const known: Row = {
  title: 'a certificate of the known CA',
  show: (ca, usage) => forge({ issuer: ca, usage }),
  strict: 'CLIENT_CERT_REJECTED',
  demo: 'CLIENT_CERT_REJECTED',
}
const revokedOne: Row = {
  title: 'a revoked certificate',
  show: (ca, usage) => forge({ issuer: ca, usage, serial: revoked }),
  strict: 'CERT_REVOKED',
  demo: 'CERT_REVOKED',
}

describe('with a revocation list', () => {
  bothWays(
    [
      revokedOne,
      { ...known, title: 'a certificate that is not on the list', strict: 'accepted', demo: 'accepted' },
      {
        title: 'a certificate of an unknown issuer, who has no list here',
        show: async (_ca, usage) => forge({ issuer: await forgeCa({ commonName: 'Other CA' }), usage }),
        strict: 'CLIENT_CERT_REJECTED',
        demo: ['issuer-unknown'],
      },
      {
        title: 'a self-signed certificate, though its serial number is on the list',
        show: (_ca, usage) => forge({ usage, serial: revoked }),
        strict: 'CLIENT_CERT_REJECTED',
        demo: ['issuer-unknown'],
      },
      {
        title: 'an intermediate that is revoked',
        show: async (ca, usage) => {
          const intermediate = await forgeCa({ issuer: ca, serial: revoked })
          const leaf = await forge({ issuer: intermediate, usage })
          return { cert: leaf.cert + intermediate.cert, key: leaf.key }
        },
        // Which is found first: the leaf's issuer has no list of its own.
        strict: 'CLIENT_CERT_REJECTED',
        demo: 'CLIENT_CERT_REJECTED',
      },
    ],
    async () => {
      const ca = await forgeCa()
      return { ca, crl: await forgeCrl({ issuer: ca, revoked: [revoked] }) }
    },
  )
})

describe.each<[string, serial: string, fate: 'CERT_REVOKED' | 'accepted']>([
  ['is revoked', revoked, 'CERT_REVOKED'],
  ['is good', 'a11', 'accepted'],
])('with lists of the root and of an intermediate that %s', (_what, serial, fate) => {
  let intermediate: Forged
  const below =
    (leafSerial: string): Row['show'] =>
    async (_ca, usage) => {
      const leaf = await forge({ issuer: intermediate, usage, serial: leafSerial })
      return { cert: leaf.cert + intermediate.cert, key: leaf.key }
    }
  bothWays(
    [
      { title: 'a certificate of the intermediate', show: below('b22'), strict: fate, demo: fate },
      { ...revokedOne, title: 'one that the intermediate revoked', show: below('c33') },
    ],
    async () => {
      const ca = await forgeCa()
      intermediate = await forgeCa({ issuer: ca, serial })
      const lists = [
        forgeCrl({ issuer: ca, revoked: [revoked] }),
        forgeCrl({ issuer: intermediate, revoked: ['c33'] }),
      ]
      return { ca, crl: (await Promise.all(lists)).join('') }
    },
  )
})

describe('with an expired revocation list nobody is accepted', () => {
  bothWays([known, revokedOne], async () => {
    const ca = await forgeCa()
    return { ca, crl: await forgeCrl({ issuer: ca, revoked: [revoked], ...past }) }
  })
})

describe('with a revocation list that begins tomorrow nobody is accepted', () => {
  bothWays([known, revokedOne], async () => {
    const ca = await forgeCa()
    const crl = { thisUpdate: new Date(Date.now() + day), nextUpdate: new Date(Date.now() + 2 * day) }
    return { ca, crl: await forgeCrl({ issuer: ca, revoked: [revoked], ...crl }) }
  })
})

describe('with two CAs and a list of one alone', () => {
  const other = forgeCa({ commonName: 'Other CA' })
  const ofOther: Row = {
    title: 'a certificate of the CA without a list',
    show: async (_ca, usage) => forge({ issuer: await other, usage }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'CLIENT_CERT_REJECTED',
  }
  bothWays([{ ...known, strict: 'accepted', demo: 'accepted' }, revokedOne, ofOther], async () => {
    const ca = await forgeCa()
    const both = { ...ca, cert: ca.cert + (await other).cert }
    return { ca: both, crl: await forgeCrl({ issuer: ca, revoked: [revoked] }) }
  })

  test('TLS_CRL_MISSING=allow lets the other CA do without, and revokes as before', async () => {
    const ca = await forgeCa()
    const both = { ...ca, cert: ca.cert + (await other).cert }
    await using world = await makeWorld({ ca: both, crl: await forgeCrl({ issuer: ca, revoked: [revoked] }) })
    await using served = await serveTest({ tls: { ...world.tls, crlMissing: 'allow' } })
    const call = async (issuer: Forged, serial: string) => {
      const shown = await forge({ issuer, usage: 'client', serial })
      return (await callAsBareClient(served.server.port, { shown })).status
    }
    expect(await call(await other, revoked)).toBe(200)
    expect(await call(ca, 'a1')).toBe(200)
    expect(await call(ca, revoked)).toBe(403)
  })
})

describe.each(['Other CA', 'Forged CA'])(
  'with the revocation list of another CA, called %s,',
  (commonName) => {
    test.each([false, true])('neither side starts (demo mode %s)', async (demoMode) => {
      const crl = await forgeCrl({ issuer: await forgeCa({ commonName }) })
      await using world = await makeWorld({ crl })
      const tls = { certDir: world.certDir, demoMode }
      await expect(serveTest({ tls })).rejects.toMatchObject({ code: 'CERT_INVALID' })
      const connecting = connect({ serverUrl: 'https://localhost:1/mcp', tls, log: false })
      await expect(connecting).rejects.toMatchObject({ code: 'CERT_INVALID' })
    })
  },
)
