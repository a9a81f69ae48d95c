import { bothWays } from '../support/both-ways.js'
import { forge, forgeCa } from '../support/forge.js'

bothWays([
  {
    title: 'a chain of two intermediates',
    show: async (ca, usage) => {
      const first = await forgeCa({ issuer: ca, commonName: 'First' })
      const second = await forgeCa({ issuer: first, commonName: 'Second' })
      const leaf = await forge({ issuer: second, usage })
      return { cert: leaf.cert + second.cert + first.cert, key: leaf.key }
    },
    strict: 'accepted',
    demo: 'accepted',
  },
  {
    title: 'a chain that begins with its root and shows a stranger too',
    show: async (ca, usage) => {
      const intermediate = await forgeCa({ issuer: ca })
      const stranger = await forgeCa({ commonName: 'Stranger' })
      const leaf = await forge({ issuer: intermediate, usage })
      return { cert: leaf.cert + ca.cert + stranger.cert + intermediate.cert, key: leaf.key }
    },
    strict: 'accepted',
    demo: 'accepted',
  },
  {
    title: 'an intermediate that it does not show',
    show: async (ca, usage) => forge({ issuer: await forgeCa({ issuer: ca }), usage }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: ['issuer-unknown'],
  },
])
