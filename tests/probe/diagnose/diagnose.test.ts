import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { McpServer as OlderMcpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { TlsOptions } from '../../../src/config/index.js'
import { readTrust } from '../../../src/pki/check/trust.js'
import { diagnose } from '../../../src/probe/diagnose/diagnose.js'
import { type Step, Steps } from '../../../src/probe/diagnose/steps.js'
import { foreignServer, silentServer } from '../../support/foreign-server.js'
import { type ForgedSet, forge, forgeCa, forgeCrl, writeSet } from '../../support/forge.js'
import { freePort } from '../../support/free-port.js'
import { httpsServer } from '../../support/https-server.js'
import { openssl } from '../../support/openssl.js'
import { scratch } from '../../support/scratch.js'
import { makeWorld, type Served, serveTest, type World } from '../../support/world.js'

let world: World
let served: Served
beforeAll(async () => {
  world = await makeWorld()
  served = await serveTest({ tls: world.tls })
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

const names = [
  'own_certificate',
  'name_resolution',
  'tcp',
  'tls',
  'server_certificate',
  'client_certificate',
  'resumption',
  'mcp',
  'tools',
  'tool_call',
]

interface Tried {
  readonly steps: readonly Step[]
  readonly failed: readonly Step[]
}

async function tryOut(url: string, tls: TlsOptions = world.tls, timeoutMs = 5000): Promise<Tried> {
  const told: Step[] = []
  const steps = new Steps((step) => told.push(step), undefined)
  const trust = await readTrust({ directories: [tls.certDir ?? ''] })
  await diagnose(
    { url: new URL(url), tls, trust, timeoutMs, handshakeTimeoutMs: Math.min(timeoutMs, 5000) },
    steps,
  )
  expect(told).toEqual(steps.all)
  expect(told.map(({ name }) => name)).toEqual(names)
  expect(steps.ok).toBe(told.every(({ ok }) => ok))
  return { steps: told, failed: told.filter(({ ok, code }) => !ok && code !== 'NOT_RUN') }
}

/** A directory with the usual set, some of it replaced. */
async function directoryWith(replace: Partial<ForgedSet>): Promise<TlsOptions> {
  const certDir = scratch()
  await writeSet(certDir, { ca: world.ca, client: world.client, ...replace })
  return { certDir }
}

const past = new Date(Date.now() - 3_600_000)

test('a server that is right passes every step, and only what is declared read-only is called', async () => {
  const { steps, failed } = await tryOut(served.server.url)
  expect(failed).toEqual([])
  const details = Object.fromEntries(steps.map(({ name, detail }) => [name, detail]))
  expect(details).toEqual({
    own_certificate: 'CN=mcp-client, issued by CN=Forged CA, 89 days left; we trust CN=Forged CA',
    name_resolution: expect.stringContaining('127.0.0.1'),
    tcp: `connected to 127.0.0.1:${served.server.port}`,
    tls: expect.stringMatching(/^TLSv1\.3, TLS_AES_256_GCM_SHA384(, X25519\w*)?$/),
    server_certificate: 'CN=mcp-server, issued by CN=Forged CA, 89 days left, for localhost, 127.0.0.1, ::1',
    client_certificate: 'asked for one of CN=Forged CA; ours is accepted',
    resumption: 'the second connection was resumed',
    mcp: 'test-mcp 1.0.0, revision 2026-07-28',
    tools: '3: echo, who, count (may change things)',
    tool_call: 'echo: hello from mcp-mtls test-tls',
  })
  expect(served.calls).toEqual(['hello from mcp-mtls test-tls'])
  for (const { code, hint, durationMs } of steps) {
    expect({ code, hint }).toEqual({ code: null, hint: null })
    expect(durationMs).toBeGreaterThanOrEqual(0)
  }
})

test('a client that a policy shows no tool is told that this may be so', async () => {
  await using strict = await serveTest({ tls: world.tls, policy: { rules: [] } })
  const { steps, failed } = await tryOut(strict.server.url)
  expect(failed).toEqual([])
  expect(steps.slice(-2).map(({ detail }) => detail)).toEqual([
    'the server shows this identity none: a policy there may hide them',
    'none called: there is none',
  ])
})

test("a foreign MCP server of the SDK's major version before, on Node's own TLS, passes as well", async () => {
  const { cert, key } = world.server
  const tls = { cert, key, ca: world.ca.cert, requestCert: true, rejectUnauthorized: true }
  await using server = await httpsServer(tls, async (request, response) => {
    const mcp = new OlderMcpServer({ name: 'older', version: '1.2.3' })
    mcp.registerTool('look', { annotations: { readOnlyHint: true } }, async () => ({
      content: [{ type: 'text', text: 'PASSWORD=swordfish' }],
    }))
    const transport = new StreamableHTTPServerTransport({})
    await mcp.connect(transport as Parameters<typeof mcp.connect>[0])
    await transport.handleRequest(request, response)
  })
  const { steps, failed } = await tryOut(server.url)
  expect(failed).toEqual([])
  expect(steps.slice(-3).map(({ detail }) => detail)).toEqual([
    'older 1.2.3, revision 2025-11-25',
    '1: look',
    'look: answered (what it says is not shown: it may be secret)',
  ])
})

test('an address of IPv6 is written as in a URL', async () => {
  const { failed } = await tryOut(`https://[::1]:${await freePort()}/mcp`)
  expect(failed[0]?.detail).toMatch(/^nobody listens at \[::1\]:\d+|\[::1\]:\d+ \(EADDRNOTAVAIL\)/)
})

interface Fault {
  readonly title: string
  /** The step that fails, its code, and what names the side and the cause. */
  readonly fails: readonly [step: string, code: string, detail: RegExp]
  readonly hint?: RegExp
  run(): Promise<Tried>
}

/** A server of Node with a certificate of ours, or another. */
async function against(options: Parameters<typeof httpsServer>[0], tls?: TlsOptions): Promise<Tried> {
  const { cert, key } = world.server
  await using server = await httpsServer({
    cert,
    key,
    ca: world.ca.cert,
    requestCert: true,
    rejectUnauthorized: false,
    ...options,
  })
  return await tryOut(server.url, tls)
}

async function withServer(server: Awaited<ReturnType<typeof forge>>): Promise<Tried> {
  return against({ cert: server.cert, key: server.key })
}

const faults: readonly Fault[] = [
  {
    title: 'no certificates here',
    fails: ['own_certificate', 'CERT_DIR_NOT_FOUND', /nowhere is not a directory/],
    hint: /cert-gen/,
    run: () => tryOut(served.server.url, { certDir: '/nowhere' }),
  },
  {
    title: 'our certificate has expired',
    fails: ['own_certificate', 'CERT_EXPIRED', /client\.crt expired on/],
    run: async () =>
      tryOut(
        served.server.url,
        await directoryWith({ client: await forge({ issuer: world.ca, notAfter: past }) }),
      ),
  },
  {
    title: 'the key of another certificate',
    fails: ['own_certificate', 'KEY_MISMATCH', /client\.key is not the key of .*client\.crt/],
    run: async () => {
      const tls = await directoryWith({})
      writeFileSync(join(tls.certDir ?? '', 'client.key'), world.server.key)
      return tryOut(served.server.url, tls)
    },
  },
  {
    title: "a server's certificate as ours",
    fails: ['own_certificate', 'CERT_INVALID', /client\.crt is for serverAuth, not for clientAuth/],
    run: async () => tryOut(served.server.url, await directoryWith({ client: world.server })),
  },
  {
    title: 'a name that does not exist',
    fails: ['name_resolution', 'CONNECTION_FAILED', /we cannot find an address of x+/],
    hint: /getent hosts/,
    run: () => tryOut(`https://${'x'.repeat(64)}:8443/mcp`),
  },
  {
    title: 'a closed port',
    fails: ['tcp', 'CONNECTION_FAILED', /nobody listens at localhost:\d+/],
    hint: /mcp-mtls serve/,
    run: async () => tryOut(`https://localhost:${await freePort()}/mcp`),
  },
  {
    title: 'a plain HTTP server',
    fails: ['tls', 'NOT_TLS', /the server at localhost:\d+ does not speak TLS/],
    run: async () => {
      await using server = await foreignServer(undefined, (_request, response) => void response.end())
      return await tryOut(server.url.replace('http:', 'https:'))
    },
  },
  {
    title: 'a server of TLS 1.1 alone',
    fails: ['tls', 'UNSUPPORTED_TLS_VERSION', /the server at .* offers no TLS version that is allowed here/],
    run: () => against({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
  },
  {
    title: 'a server without a suite in common',
    fails: ['tls', 'CIPHER_MISMATCH', /the server at .* found nothing in common/],
    run: () => against({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA' }),
  },
  {
    title: 'a silent server',
    fails: ['tls', 'TLS_HANDSHAKE_TIMEOUT', /did not finish the TLS handshake within 300 ms/],
    run: async () => {
      await using server = await silentServer()
      return await tryOut(server.url, world.tls, 300)
    },
  },
  {
    title: 'a server whose certificate has expired',
    fails: ['server_certificate', 'CERT_EXPIRED', /we refused the server at .* expired on/],
    run: async () => withServer(await forge({ issuer: world.ca, usage: 'server', notAfter: past })),
  },
  {
    title: 'a server of an unknown CA',
    fails: [
      'server_certificate',
      'SERVER_CERT_INVALID',
      /we refused the server .* CN=Elsewhere, which is not a trusted CA/,
    ],
    hint: /TLS_CA_CERT/,
    run: async () =>
      withServer(await forge({ issuer: await forgeCa({ commonName: 'Elsewhere' }), usage: 'server' })),
  },
  {
    title: "a client's certificate as the server's",
    fails: ['server_certificate', 'SERVER_CERT_INVALID', /we refused the server/],
    run: async () => withServer(await forge({ issuer: world.ca, usage: 'client', dns: ['localhost'] })),
  },
  {
    title: 'a server of another name',
    fails: [
      'server_certificate',
      'SERVER_NAME_MISMATCH',
      /does not cover localhost, only elsewhere\.example/,
    ],
    hint: /--san/,
    run: async () =>
      withServer(await forge({ issuer: world.ca, usage: 'server', dns: ['elsewhere.example'] })),
  },
  {
    title: 'a client of a CA that the server does not know',
    fails: [
      'client_certificate',
      'CLIENT_CERT_REJECTED',
      /the server at .* refused our client certificate: .* CN=Elsewhere, .*; it asks for one of CN=Forged CA$/,
    ],
    run: async () => {
      const client = await forge({ issuer: await forgeCa({ commonName: 'Elsewhere' }) })
      return tryOut(served.server.url, await directoryWith({ client }))
    },
  },
  {
    title: 'a client without extended key usage',
    fails: [
      'client_certificate',
      'CERT_INVALID',
      /the server at .* refused our client certificate: .* no extended key usage/,
    ],
    run: async () =>
      tryOut(
        served.server.url,
        await directoryWith({ client: await forge({ issuer: world.ca, usage: 'none' }) }),
      ),
  },
  {
    title: 'a client that the server knows as revoked',
    fails: [
      'client_certificate',
      'CERT_REVOKED',
      /the server at .* refused our client certificate: .* is revoked/,
    ],
    run: async () => {
      const crl = await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] })
      await using strict = await serveTest({ tls: await directoryWith({ server: world.server, crl }) })
      return await tryOut(strict.server.url)
    },
  },
  {
    title: 'a Node server that refuses without a word',
    fails: ['client_certificate', 'CLIENT_CERT_REJECTED', /the server at .* without a reason/],
    run: async () => {
      const client = await forge({ issuer: await forgeCa({ commonName: 'Elsewhere' }) })
      return against({ rejectUnauthorized: true }, await directoryWith({ client }))
    },
  },
  {
    title: 'a server that asks for no client certificate',
    fails: [
      'client_certificate',
      'CLIENT_CERT_NOT_ASKED',
      /the server at .* does not ask for a client certificate/,
    ],
    hint: /ssl_verify_client on/,
    run: async () => {
      const { failed, steps } = await against({ requestCert: false })
      expect(failed.map(({ name }) => name)).toEqual(['client_certificate', 'mcp']) // this one is no MCP server either
      return { steps, failed: failed.slice(0, 1) }
    },
  },
  {
    title: 'a TLS server that is no MCP server',
    fails: ['mcp', 'NOT_MCP', /answers, but not as an MCP server does/],
    run: () => against({}),
  },
  {
    title: 'an MCP server that never answers',
    fails: ['client_certificate', 'CONNECTION_TIMEOUT', /the server at .* did not answer within 500 ms/],
    run: async () => {
      const { cert, key } = world.server
      await using server = await httpsServer(
        { cert, key, requestCert: true, rejectUnauthorized: false },
        () => {},
      )
      return await tryOut(server.url, world.tls, 500)
    },
  },
  {
    title: 'a tool that fails',
    fails: ['tool_call', 'TOOL_FAILED', /look: the server says that the call failed: broken/],
    run: async () => {
      await using broken = await serveTest({ tls: world.tls }, () => {
        const server = new McpServer({ name: 'broken', version: '1.0.0' })
        server.registerTool(
          'look',
          { inputSchema: z.object({}), annotations: { readOnlyHint: true } },
          () => ({ isError: true, content: [{ type: 'text', text: 'broken' }] }),
        )
        return server
      })
      return await tryOut(broken.server.url)
    },
  },
]

describe('names the side and the cause of', () => {
  test.each(faults)('$title', async ({ fails: [name, code, detail], hint = /./, run }) => {
    const { steps, failed } = await run()
    expect(failed).toEqual([
      {
        name,
        ok: false,
        code,
        detail: expect.stringMatching(detail),
        hint: expect.stringMatching(hint),
        durationMs: expect.any(Number),
      },
    ])
    const notRun = steps.filter((step) => step.code === 'NOT_RUN')
    for (const step of notRun) expect(step.detail).toMatch(/^not run: [\w ]+ failed$/)
  })
})

test.each(['-tls1_2', '-tls1_3'])(
  'openssl s_server %s that refuses by an alert is understood',
  async (version) => {
    const at = (name: string) => join(world.certDir, name)
    const client = await forge({ issuer: await forgeCa({ commonName: 'Elsewhere' }) })
    const port = await freePort()
    const server = openssl(
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-www',
      version,
      ...['-Verify', '1', '-verify_return_error', '-CAfile', at('ca.crt')],
      ...['-cert', at('server.crt'), '-key', at('server.key')],
    )
    await server.until(/ACCEPT/)
    const { failed } = await tryOut(`https://localhost:${port}/mcp`, await directoryWith({ client }))
    expect(failed).toMatchObject([
      {
        code: 'CLIENT_CERT_REJECTED',
        detail: expect.stringMatching(/refused our client certificate: it does not trust the CA/),
      },
    ])
  },
)

test('an abort ends it at once', async () => {
  await using server = await silentServer()
  const stop = new AbortController()
  const steps = new Steps(({ name }) => name === 'tcp' && stop.abort(new Error('enough')), stop.signal)
  const trust = await readTrust({ directories: [world.certDir] })
  const options = {
    url: new URL(server.url),
    tls: world.tls,
    trust,
    timeoutMs: 60_000,
    handshakeTimeoutMs: 60_000,
  }
  await expect(diagnose({ ...options, signal: stop.signal }, steps)).rejects.toThrow('enough')
})
