import { bothWays } from '../support/both-ways.js'
import { corruptSignature, forge, forgeCa } from '../support/forge.js'

bothWays([
  {
    title: 'a certificate that names the known CA but is not signed by it',
    show: async (ca, usage) => corruptSignature(await forge({ issuer: ca, usage })),
    strict: 'CERT_INVALID',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a certificate of a CA that only has the name of the known one',
    show: async (ca, usage) => {
      const impostor = await forgeCa()
      return forge({ issuer: { ...impostor, keyId: ca.keyId }, usage })
    },
    strict: 'CERT_INVALID',
    demo: 'CERT_INVALID',
  },
  {
    title: 'a self-signature that is corrupted, which OpenSSL does not see',
    show: async (_ca, usage) => corruptSignature(await forge({ usage })),
    strict: 'CERT_INVALID',
    demo: 'CERT_INVALID',
  },
  {
    title: 'an intermediate whose signature is corrupted',
    show: async (ca, usage) => {
      const intermediate = await forgeCa({ issuer: ca })
      const leaf = await forge({ issuer: intermediate, usage })
      return { cert: leaf.cert + corruptSignature(intermediate).cert, key: leaf.key }
    },
    strict: 'CERT_INVALID',
    demo: 'CERT_INVALID',
  },
])
