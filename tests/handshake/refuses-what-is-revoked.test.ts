import { describe } from 'vitest'
import { bothWays, type Row } from '../support/both-ways.js'
import { forge, forgeCa, forgeCrl } from '../support/forge.js'

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

describe('with the revocation list of another CA nobody is accepted', () => {
  bothWays([known], async () => ({
    crl: await forgeCrl({ issuer: await forgeCa({ commonName: 'Other CA' }) }),
  }))
})

describe('with a revocation list that another CA of the same name signed nobody is accepted', () => {
  bothWays([known], async () => ({ crl: await forgeCrl({ issuer: await forgeCa() }) }))
})
