import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import type { Shown } from '../support/bare-peers.js'
import type { Refused, Usage } from '../support/both-ways.js'
import { corruptSignature, forge, forgeCa } from '../support/forge.js'
import { openssl, sClient } from '../support/openssl.js'
import { scratch } from '../support/scratch.js'
import { stolen } from '../support/tampering.js'
import { httpText, mcpHeaders, toolCall } from '../support/wire.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

// One of each family, from the openssl command and curl: what is refused does not depend on Node at the other end.

const day = 86_400_000
const past = { notBefore: new Date(Date.now() - 3 * day), notAfter: new Date(Date.now() - 2 * day) }

interface Row {
  readonly title: string
  readonly show: (world: World, usage: Usage) => Promise<Shown>
  readonly strict: Refused | 'accepted'
  readonly demo: Refused | 'accepted'
}

const both = (code: Refused | 'accepted') => ({ strict: code, demo: code })
const rows: readonly Row[] = [
  { title: 'good', show: ({ ca }, usage) => forge({ issuer: ca, usage }), ...both('accepted') },
  {
    title: 'good, behind an intermediate',
    show: async ({ ca }, usage) => {
      const intermediate = await forgeCa({ issuer: ca })
      const { cert, key } = await forge({ issuer: intermediate, usage })
      return { cert: cert + intermediate.cert, key }
    },
    ...both('accepted'),
  },
  {
    title: 'wrongly signed',
    show: async ({ ca }, usage) => corruptSignature(await forge({ issuer: ca, usage })),
    ...both('CERT_INVALID'),
  },
  {
    title: 'expired',
    show: ({ ca }, usage) => forge({ issuer: ca, usage, ...past }),
    ...both('CERT_EXPIRED'),
  },
  {
    title: 'for the other side',
    show: ({ ca }, usage) =>
      forge({ issuer: ca, usage: usage === 'client' ? 'server' : 'client', dns: ['localhost'] }),
    ...both('CERT_INVALID'),
  },
  {
    title: 'of a SHA-1 signature',
    show: ({ ca }, usage) => forge({ issuer: ca, usage, hash: 'SHA-1' }),
    ...both('CERT_INVALID'),
  },
  {
    title: 'of an unknown issuer',
    show: async (_world, usage) => forge({ issuer: await forgeCa({ commonName: 'Other CA' }), usage }),
    strict: 'CLIENT_CERT_REJECTED',
    demo: 'accepted',
  },
  {
    title: 'self-signed and expired',
    show: (_world, usage) => forge({ usage, ...past }),
    ...both('CERT_EXPIRED'),
  },
]

/** Paths of the leaf, its chain and its key, as the openssl command wants them. */
function files({ cert, key }: Shown): string[] {
  const dir = scratch()
  const path = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  const pem = path('cert.pem', cert)
  return ['-cert', pem, '-cert_chain', pem, '-key', path('key.pem', key), '-cipher', 'ALL:@SECLEVEL=0']
}

const call = httpText('/mcp', { ...mcpHeaders, connection: 'close' }, toolCall('echo', { text: 'hello' }))

describe.each(['strict', 'demo'] as const)('in %s mode', (mode) => {
  let world: World
  let served: Served
  const tls = () => ({ ...world.tls, demoMode: mode === 'demo' })
  beforeAll(async () => {
    world = await makeWorld()
    served = await serveTest({ tls: tls() })
  })
  afterAll(async () => {
    await served[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  for (const flag of ['-tls1_2', '-tls1_3']) {
    for (const row of rows) {
      const wanted = row[mode]

      test(`openssl s_client ${flag} with a certificate that is ${row.title}: ${wanted}`, async () => {
        served.calls.length = 0
        const shown = await row.show(world, 'client')
        const output = await sClient(served.server.port, call, flag, ...files(shown))
        if (wanted === 'accepted') {
          expect(output).toContain('HTTP/1.1 200 OK')
          return expect(served.calls).toEqual(['hello'])
        }
        expect(output).toMatch(new RegExp(`HTTP/1.1 403 Refused: .* \\(${wanted}\\)`))
        expect(output).toContain(`"reason":"${wanted}"`)
        expect(served.calls).toEqual([])
      })

      test(`openssl s_server ${flag} with a certificate that is ${row.title}: ${wanted}`, async () => {
        const shown = await row.show(world, 'server')
        const port = await sServer(flag, ...files(shown))
        const fetch = mtlsFetch(tls())
        const answer = fetch(`https://localhost:${port}/`)
        if (wanted === 'accepted') expect((await answer).status).toBe(200)
        else {
          const code = wanted === 'CERT_EXPIRED' ? wanted : 'SERVER_CERT_INVALID'
          await expect(answer).rejects.toMatchObject({ code })
        }
        await fetch.close()
      })
    }

    test(`openssl s_client ${flag} without a certificate: CLIENT_CERT_REQUIRED`, async () => {
      const output = await sClient(served.server.port, call, flag)
      expect(output).toContain('"reason":"CLIENT_CERT_REQUIRED"')
    })

    test(`openssl s_client ${flag} with the certificate of another: no handshake`, async () => {
      served.events.length = 0
      const output = await sClient(served.server.port, call, flag, ...files(stolen(world.client)))
      expect(output).toMatch(/alert decrypt error/)
      expect(await served.event('handshake-failed')).toMatchObject({ reason: 'TLS_HANDSHAKE_FAILED' })
    })
  }

  test('openssl s_client -tls1_2 with a DSA certificate is refused, whether it gets to show it or not', async () => {
    served.calls.length = 0
    const shown = await forge({ issuer: world.ca, keyType: 'dsa' })
    const output = await sClient(served.server.port, call, '-tls1_2', ...files(shown))
    expect(output).toMatch(/"reason":"(CERT_INVALID|CLIENT_CERT_REQUIRED)"|alert/)
    expect(output).not.toContain('200 OK')
    expect(served.calls).toEqual([])
  })

  test('openssl s_client with a key on P-224 is refused, whether it gets to show it or not', async () => {
    const shown = await forge({ issuer: world.ca, keyType: 'ec-p224' })
    for (const flag of ['-tls1_2', '-tls1_3']) {
      const output = await sClient(served.server.port, call, flag, ...files(shown))
      expect(output).not.toContain('200 OK')
    }
  })

  test('renegotiation asked for by openssl s_client is refused', async () => {
    const client = openssl(
      's_client',
      '-connect',
      `127.0.0.1:${served.server.port}`,
      '-tls1_2',
      ...files(world.client),
    )
    await client.until(/Verify return code/)
    client.process.stdin?.write('R\n')
    expect(await client.output).toMatch(/no renegotiation/)
  })

  test('curl is served, told why it is not, and refused over plain HTTP', async () => {
    const file = (name: string) => join(world.certDir, name)
    const curl = (...args: string[]) =>
      promisify(execFile)('curl', ['-sS', '--cacert', file('ca.crt'), ...args])
    const url = `https://localhost:${served.server.port}/health`
    const own = ['--cert', file('client.crt'), '--key', file('client.key')]
    expect(JSON.parse((await curl(...own, url)).stdout)).toMatchObject({ mode })
    expect(JSON.parse((await curl(url)).stdout)).toMatchObject({ reason: 'CLIENT_CERT_REQUIRED' })
    await expect(curl(url.replace('https', 'http'))).rejects.toThrow()
  })
})

/** Answers every request with a page; gives its port. */
async function sServer(...args: string[]): Promise<number> {
  const server = openssl('s_server', '-accept', '127.0.0.1:0', '-www', '-verify', '1', ...args)
  let port = 0
  server.process.stdout?.on('data', (chunk) => {
    port = Number(/ACCEPT \S+:(\d+)/.exec(String(chunk))?.[1] ?? port)
  })
  await server.until(/ACCEPT \S+:\d+/)
  return port
}
