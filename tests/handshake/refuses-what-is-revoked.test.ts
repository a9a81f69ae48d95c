import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { bothWays, type Row } from '../support/both-ways.js'
import { forge, forgeCa, forgeCrl } from '../support/forge.js'
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

describe('with an expired revocation list nobody is accepted', () => {
  bothWays([known, revokedOne], async () => {
    const ca = await forgeCa()
    return { ca, crl: await forgeCrl({ issuer: ca, revoked: [revoked], ...past }) }
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
