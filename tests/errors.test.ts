import { createPrivateKey } from 'node:crypto'
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openAudit } from '../src/audit/index.js'
import { readPolicy, requirePolicy } from '../src/auth/policy/read.js'
import { connect } from '../src/client/index.js'
import { ask } from '../src/coordinator/index.js'
import { readClientFile } from '../src/desktop/client-file.js'
import { errorCodes, MtlsError, type MtlsErrorCode } from '../src/errors.js'
import { expose } from '../src/expose/index.js'
import { finishRotation, makeCertificateSet, rotateAuthority } from '../src/pki/index.js'
import { serve } from '../src/server/index.js'
import { builtInServers } from '../src/servers/index.js'
import { foreignServer, silentServer } from './support/foreign-server.js'
import { type Forged, type ForgeOptions, forge, forgeCa, forgeCrl } from './support/forge.js'
import { freePort } from './support/free-port.js'
import { patience } from './support/patience.js'
import { scratch } from './support/scratch.js'
import { ask as request } from './support/wire.js'
import { makeWorld, serveTest } from './support/world.js'

/** What a person is told: an error, or what stands in for it in an event or an answer. */
interface Told {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** What an action rejects with. */
async function thrownBy(action: Promise<unknown>): Promise<Told> {
  const error: unknown = await action.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  )
  if (error instanceof MtlsError) return error
  throw error
}

/** What `serve` says with these files. */
async function whenServing(change: (certDir: string, server: Forged) => void, leaf: ForgeOptions = {}) {
  const ca = await forgeCa()
  await using world = await makeWorld({ ca, server: await forge({ issuer: ca, usage: 'server', ...leaf }) })
  change(world.certDir, world.server)
  return await thrownBy(serveTest({ tls: world.tls }))
}

/** What `connect` says to a server of somebody else with this certificate. */
async function whenConnecting(leaf: ForgeOptions, offer: Partial<Parameters<typeof foreignServer>[0]> = {}) {
  const ca = await forgeCa()
  await using world = await makeWorld({ ca })
  const { cert, key } = await forge({ issuer: ca, usage: 'server', ...leaf })
  await using foreign = await foreignServer({ cert, key, ...offer }, () => {})
  return await thrownBy(
    connect({ serverUrl: foreign.url, timeoutMs: await patience(), tls: world.tls, log: false }),
  )
}

/** What `connect` says to one of our servers with this client certificate. */
async function whenRefused(leaf: ForgeOptions, revoked = false) {
  const ca = await forgeCa()
  const client = await forge({ issuer: ca, usage: 'client', ...leaf })
  const crl = revoked ? { crl: await forgeCrl({ issuer: ca, revoked: [client.serial] }) } : {}
  await using world = await makeWorld({ ca, client, ...crl })
  await using served = await serveTest({ tls: world.tls })
  return await thrownBy(connect({ serverUrl: served.server.url, tls: world.tls, log: false }))
}

/** What `connect` says to whoever listens on that port. */
async function atPort(port: number) {
  await using world = await makeWorld()
  const serverUrl = `https://localhost:${port}/mcp`
  return await thrownBy(
    connect({ serverUrl, retryAttempts: 0, timeoutMs: await patience(), tls: world.tls, log: false }),
  )
}

/** What the coordinator says failed when it asks these tools about the time. */
async function whenAsked(question: string, tools: McpServerFactory): Promise<Told> {
  await using world = await makeWorld()
  await using server = await serve(tools, { name: 'asked', tlsPort: 0, tls: world.tls, log: false })
  const datetime = (signal: AbortSignal) =>
    connect({ serverUrl: server.url, tls: world.tls, log: false, signal })
  const [failure] = (await ask(question, { servers: { datetime } })).failures
  if (!failure) throw new Error('nothing failed')
  return failure
}

function failingTool(): McpServer {
  const server = new McpServer({ name: 'failing-mcp', version: '1.0.0' })
  const inputSchema = z.object({ city: z.string() })
  const annotations = { readOnlyHint: true }
  server.registerTool('getDateTime', { inputSchema, annotations }, () => ({
    content: [{ type: 'text', text: 'The clock is broken.' }],
    isError: true,
  }))
  return server
}

/** One real way to every code. */
const provocations: Readonly<Record<MtlsErrorCode, () => Promise<Told>>> = {
  CERT_NOT_FOUND: () => whenServing((certDir) => rmSync(join(certDir, 'server.key'))),
  CERT_INVALID: () => whenServing((certDir) => writeFileSync(join(certDir, 'server.crt'), 'no certificate')),
  CERT_EXPIRED: () => whenServing(() => {}, { notAfter: new Date(Date.now() - 1000) }),
  CERT_NOT_YET_VALID: () => whenServing(() => {}, { notBefore: new Date(Date.now() + 60_000) }),
  CERT_REVOKED: () => whenRefused({}, true),
  CERT_IN_USE: async () => {
    const certDir = scratch()
    await makeCertificateSet({ certDir })
    await rotateAuthority({ certDir })
    return await thrownBy(finishRotation({ certDir }))
  },
  CERT_WRITE_FAILED: async () => {
    await using world = await makeWorld()
    return await thrownBy(makeCertificateSet({ certDir: join(world.certDir, 'ca.crt', 'certs') }))
  },
  KEY_MISMATCH: () =>
    whenServing((certDir) => copyFileSync(join(certDir, 'client.key'), join(certDir, 'server.key'))),
  KEY_ENCRYPTED: () =>
    whenServing((certDir, { key }) => {
      const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
      writeFileSync(join(certDir, 'server.key'), createPrivateKey(key).export(options))
    }),
  TLS_HANDSHAKE_FAILED: async () => {
    const rude = createServer((socket) => socket.once('data', () => socket.destroy()))
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve))
    const told = await atPort((rude.address() as { port: number }).port)
    rude.close()
    return told
  },
  TLS_HANDSHAKE_TIMEOUT: async () => {
    await using silent = await silentServer()
    return await atPort(Number(new URL(silent.url).port))
  },
  CLIENT_CERT_REQUIRED: async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const tls = { cert: undefined, key: undefined }
    const { body } = await request(served.server.url, world.certDir, { body: '{}', tls })
    const { reason, message } = JSON.parse(body)
    return { code: reason, message }
  },
  CLIENT_CERT_REJECTED: async () => whenRefused({ issuer: await forgeCa({ commonName: 'Other CA' }) }),
  SERVER_CERT_INVALID: async () => whenConnecting({ issuer: await forgeCa({ commonName: 'Other CA' }) }),
  SERVER_NAME_MISMATCH: () => whenConnecting({ dns: ['other.example'], ip: [] }),
  UNSUPPORTED_TLS_VERSION: async () => {
    await using world = await makeWorld()
    const { cert, key } = world.server
    await using old = await foreignServer({ cert, key, maxVersion: 'TLSv1.2' }, () => {})
    const tls = { ...world.tls, minVersion: 'TLSv1.3' } as const
    return await thrownBy(connect({ serverUrl: old.url, tls, log: false }))
  },
  CIPHER_MISMATCH: () => whenConnecting({ keyType: 'rsa' }, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }),
  CONFIG_INVALID: () => thrownBy(connect({ serverUrl: 'http://localhost:8443/mcp', log: false })),
  CLIENT_CONFIG_FAILED: () => thrownBy(readClientFile(scratch())),
  COMMAND_NOT_FOUND: () => thrownBy(expose({ command: 'no-such-program' })),
  CERT_DIR_NOT_FOUND: async () => {
    await using world = await makeWorld()
    return await thrownBy(serveTest({ tls: { certDir: join(world.certDir, 'nowhere') } }))
  },
  PORT_CONFLICT: async () => {
    await using world = await makeWorld()
    return await thrownBy(serveTest({ tls: world.tls, tlsPort: 8443, httpPort: 8443 }))
  },
  PORT_IN_USE: async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    return await thrownBy(serveTest({ tls: world.tls, tlsPort: served.server.port }))
  },
  NOT_TLS: async () => {
    await using plain = await foreignServer(undefined, (_request, response) => void response.end())
    return await atPort(plain.port)
  },
  CONNECTION_FAILED: async () => atPort(await freePort()),
  CONNECTION_TIMEOUT: async () => whenConnecting({}),
  NOT_AUTHORIZED: async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    await request(served.server.url, world.certDir, { body: '{}', headers: { host: 'evil.example' } })
    const { reason: code, message } = await served.event('request-refused')
    return { code, message }
  },
  RATE_LIMITED: async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, limits: { maxConnectionsPerIdentity: 1 } })
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    await request(served.server.url, world.certDir, { body: '{}' })
    const { reason: code, message } = await served.event('connection-ended')
    expect(client.connection()?.state).toBe('verified')
    return { code, message }
  },
  POLICY_INVALID: () =>
    thrownBy(readPolicy('rules:').then((reading) => requirePolicy(reading, 'policy.yaml'))),
  CITY_NOT_FOUND: () =>
    whenAsked(
      'What time is it in Xyzzyville?',
      builtInServers.datetime.create({ weatherProvider: 'simulated' }),
    ),
  TOOL_FAILED: () => whenAsked('What time is it in Oslo?', failingTool),
  LOG_WRITE_FAILED: async () => {
    await using world = await makeWorld()
    const folder = join(world.certDir, 'logs')
    const log = { level: 'silent', securityLog: join(folder, 'security.log') }
    await using served = await serveTest({ tls: world.tls, log })
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'no directory')
    served.server.reopenLog()
    const [problem] = served.server.health().problems
    return problem ?? { code: 'none', message: '' }
  },
  AUDIT_FAILED: () => thrownBy(openAudit({ sink: join(scratch(), 'nowhere', 'audit.jsonl') })),
  AUDIT_TAMPERED: async () => {
    const sink = join(scratch(), 'audit.jsonl')
    writeFileSync(sink, 'no record\n')
    return await thrownBy(openAudit({ sink }))
  },
  RELOAD_FAILED: async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    writeFileSync(join(world.certDir, 'server.crt'), 'no certificate')
    return await thrownBy(served.server.reload())
  },
}

test('every code has a way to it here', () => {
  expect(Object.keys(provocations).toSorted()).toEqual(Object.keys(errorCodes).toSorted())
})

describe('every code is reached by', () => {
  test.each(Object.entries(provocations))('%s', async (code, provoke) => {
    const told = await provoke()
    expect(told.code).toBe(code)
    expect(told.message).toMatch(/\w+.*\w+/s)
    expect(told.hint ?? errorCodes[code as MtlsErrorCode]).toMatch(/\w+.*\w+/s)
    expect(JSON.stringify({ ...told, message: told.message })).not.toMatch(/PRIVATE KEY|secret/)
  })
})

test('an error with a code that does not exist is told as it is', () => {
  const error = new MtlsError('NO_SUCH_CODE' as MtlsErrorCode, 'what happened')
  expect({ ...error.toJSON() }).toEqual({ code: 'NO_SUCH_CODE', message: 'what happened', hint: '' })
})
