import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { bothWays, type Row } from '../support/both-ways.js'
import { type ForgeCaOptions, type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

const always = { strict: 'CERT_INVALID', demo: 'CERT_INVALID' } as const
const fine = { strict: 'accepted', demo: 'accepted' } as const

const leaf = (title: string, options: ForgeOptions): Row => ({
  title,
  show: (ca, usage) => forge({ issuer: ca, usage, ...options }),
  ...always,
})

const below = (title: string, options: ForgeCaOptions): Row => ({
  title,
  show: async (ca, usage) => {
    const intermediate = await forgeCa({ issuer: ca, ...options })
    const { cert, key } = await forge({ issuer: intermediate, usage })
    return { cert: cert + intermediate.cert, key }
  },
  ...always,
})

describe('under a strong CA', () => {
  bothWays([
    leaf('an RSA key of 1024 bits', { keyType: 'rsa', keySize: 1024 }),
    leaf('a SHA-1 signature', { hash: 'SHA-1' }),
    below('an intermediate with an RSA key of 1024 bits', { keyType: 'rsa', keySize: 1024 }),
    below('an intermediate with an EC key on P-224', { keyType: 'ec-p224' }),
    below('an intermediate with a DSA key', { keyType: 'dsa' }),
    below('an intermediate that has a SHA-1 signature', { hash: 'SHA-1' }),
    { ...leaf('an RSA key of 2048 bits', { keyType: 'rsa' }), ...fine },
    { ...leaf('an EC key on P-384', { keyType: 'ec-p384' }), ...fine },
    { ...leaf('an Ed25519 key', { keyType: 'ed25519' }), ...fine },
  ])
})

describe('under an RSA root that signed itself with SHA-1', () => {
  bothWays(
    [
      leaf('an MD5 signature', { hash: 'MD5' }),
      below('an intermediate that has an MD5 signature', { hash: 'MD5' }),
      { ...leaf('a strong signature', {}), ...fine },
    ],
    async () => ({ ca: await forgeCa({ keyType: 'rsa', hash: 'SHA-1' }) }),
  )
})

test.each([false, true])(
  'under a root with a short key nobody is served (demo mode %s)',
  async (demoMode) => {
    await using world = await makeWorld({ ca: await forgeCa({ keyType: 'rsa', keySize: 1024 }) })
    const tls = { certDir: world.certDir, demoMode }
    await using served = await serveTest({ tls })
    // OpenSSL 3.5 itself breaks off such a handshake; with older ones it is ours to refuse.
    const answer = await callAsBareClient(served.server.port, { shown: world.client }).catch(() => undefined)
    expect(answer?.status ?? 403).toBe(403)
    const connecting = connect({ serverUrl: served.server.url, tls, log: false })
    await expect(connecting).rejects.toMatchObject({ name: 'MtlsError' })
    expect(served.calls).toEqual([])
    expect(served.events.map(({ event }) => event)).not.toContain('connection-accepted')
  },
)
