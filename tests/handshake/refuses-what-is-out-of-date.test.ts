import { describe } from 'vitest'
import { bothWays } from '../support/both-ways.js'
import { forge, forgeCa } from '../support/forge.js'

const day = 86_400_000
const tomorrow = new Date(Date.now() + day)
const longAgo = { notBefore: new Date(Date.now() - 3 * day), notAfter: new Date(Date.now() - 2 * day) }

describe('dates', () => {
  bothWays([
    {
      title: 'an expired certificate',
      show: (ca, usage) => forge({ issuer: ca, usage, ...longAgo }),
      strict: 'CERT_EXPIRED',
      demo: 'CERT_EXPIRED',
    },
    {
      title: 'a certificate that is not valid yet',
      show: (ca, usage) => forge({ issuer: ca, usage, notBefore: tomorrow }),
      strict: 'CERT_NOT_YET_VALID',
      demo: 'CERT_NOT_YET_VALID',
    },
    {
      title: 'an expired intermediate',
      show: async (ca, usage) => {
        const intermediate = await forgeCa({ issuer: ca, ...longAgo })
        const leaf = await forge({ issuer: intermediate, usage })
        return { cert: leaf.cert + intermediate.cert, key: leaf.key }
      },
      strict: 'CERT_EXPIRED',
      demo: 'CERT_EXPIRED',
    },
  ])
})

describe('a CA that has expired', () => {
  bothWays(
    [
      {
        title: 'a certificate that is valid for longer than its CA',
        show: (ca, usage) => forge({ issuer: ca, usage }),
        strict: 'CERT_EXPIRED',
        demo: 'CERT_EXPIRED',
      },
    ],
    async () => ({ ca: await forgeCa(longAgo) }),
  )
})
