import { constants } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import type { ServerOptions } from 'node:https'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readTrust } from '../../../src/pki/check/trust.js'
import { type Authority, openAuthority } from '../../../src/pki/index.js'
import { audit } from '../../../src/probe/audit/audit.js'
import { diagnose } from '../../../src/probe/diagnose/diagnose.js'
import { type Step, Steps } from '../../../src/probe/diagnose/steps.js'
import { httpsServer } from '../../support/https-server.js'
import { patience } from '../../support/patience.js'
import { makeWorld, serveTest, type World } from '../../support/world.js'

let world: World
let authority: Authority
let limits: { handshakeTimeout: number }
beforeAll(async () => {
  world = await makeWorld()
  limits = { handshakeTimeout: await patience() }
  authority = openAuthority({ text: world.ca.cert, path: 'ca.crt' }, { text: world.ca.key, path: 'ca.key' })
})
afterAll(() => world[Symbol.asyncDispose]())

const lines = [
  'refuses_old_versions',
  'refuses_weak_suites',
  'refuses_no_certificate',
  'refuses_another_ca',
  'refuses_self_signed',
  'refuses_expired',
  'refuses_wrong_usage',
  'refuses_plain_http',
  'refuses_resumed_strangers',
  'refuses_renegotiation',
  'cuts_slow_handshakes',
]

async function auditOf(url: string, withKey = true): Promise<readonly Step[]> {
  const steps = new Steps(() => {}, undefined)
  const trust = await readTrust({ directories: [world.certDir] })
  const options = { url: new URL(url), tls: world.tls, trust, timeoutMs: 5000, handshakeTimeoutMs: 5000 }
  const baseline = await diagnose(options, steps)
  await audit(
    baseline,
    { authority: withKey ? authority : undefined, slowHandshakeMs: 4 * limits.handshakeTimeout },
    steps,
  )
  const audited = steps.all.slice(10)
  expect(audited.map(({ name }) => name)).toEqual(lines)
  return audited
}

describe('our server', () => {
  test('passes in strict mode, each line with what it saw', async () => {
    await using served = await serveTest({ tls: world.tls, limits })
    const steps = await auditOf(served.server.url)
    expect(steps.filter(({ ok }) => !ok)).toEqual([])
    expect(steps.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^TLSv1, TLSv1\.1: handshake ended \(ERR_SSL_\w*PROTOCOL\w*\)$/),
      expect.stringMatching(/^handshake ended \(ERR_SSL_[\w/]+\)$/),
      'HTTP 403 CLIENT_CERT_REQUIRED',
      'HTTP 403 CLIENT_CERT_REJECTED',
      'HTTP 403 CLIENT_CERT_REJECTED',
      'HTTP 403 CERT_EXPIRED',
      'HTTP 403 CERT_INVALID',
      'no answer to plain HTTP',
      'refused again, 4 sessions tried',
      'not renegotiated',
      expect.stringMatching(/^cut after \d+ ms$/),
    ])
    expect(served.calls).toEqual(['hello from mcp-mtls test-tls'])
  })

  test('without the key of its CA it is said what was not tested alone', async () => {
    await using served = await serveTest({ tls: world.tls, limits })
    const steps = await auditOf(served.server.url, false)
    expect(steps.filter(({ ok }) => !ok)).toEqual([])
    for (const step of steps)
      expect(step.detail.includes('--ca-dir')).toBe(/expired|wrong_usage/.test(step.name))
  })

  test('in demo mode lets unknown issuers in, and the audit says so', async () => {
    await using served = await serveTest({ tls: { ...world.tls, demoMode: true }, limits })
    const failed = (await auditOf(served.server.url)).filter(({ ok }) => !ok)
    expect(failed.map(({ name }) => name)).toEqual(['refuses_another_ca', 'refuses_self_signed'])
  })

  test('that does not let our own certificate in proves nothing', async () => {
    await using other = await makeWorld()
    await using served = await serveTest({ tls: other.tls, limits })
    for (const step of await auditOf(served.server.url))
      expect(step).toMatchObject({ ok: false, code: 'NOT_RUN', detail: 'not run: server certificate failed' })
  })
})

/** A Node server that passes: what is wrong with it is one option. */
const right: ServerOptions = {
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2',
  ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET,
}

/** Lets in whoever OpenSSL accepts, and whoever it says this of. */
function doorman(lenient: (socket: TLSSocket) => boolean = () => false): RequestListener {
  return ({ socket }, response) => {
    const tls = socket as TLSSocket
    const accepted = tls.authorized && tls.getPeerX509Certificate() !== undefined
    response.statusCode = accepted || lenient(tls) ? 200 : 403
    response.end()
  }
}

const says =
  (pattern: RegExp) =>
  (socket: TLSSocket): boolean =>
    socket.getPeerX509Certificate() !== undefined && pattern.test(String(socket.authorizationError))

const misconfigured: readonly [
  fault: string,
  fails: string | readonly string[],
  ServerOptions,
  RequestListener,
][] = [
  [
    'TLS 1.1 allowed',
    ['refuses_old_versions', 'refuses_weak_suites'], // it has no others
    { minVersion: 'TLSv1.1', ciphers: `${right.ciphers}:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0` },
    doorman(),
  ],
  [
    'CBC suites allowed',
    'refuses_weak_suites',
    { ciphers: `${right.ciphers}:ECDHE-ECDSA-AES128-SHA` },
    doorman(),
  ],
  ['no certificate needed', 'refuses_no_certificate', {}, doorman((tls) => !tls.getPeerX509Certificate())],
  ['any CA accepted', 'refuses_another_ca', {}, doorman(says(/^UNABLE_TO/))],
  ['self-signed accepted', 'refuses_self_signed', {}, doorman(says(/^DEPTH_ZERO_SELF_SIGNED/))],
  ['expired accepted', 'refuses_expired', {}, doorman(says(/EXPIRED/))],
  ['any usage accepted', 'refuses_wrong_usage', {}, doorman(says(/PURPOSE/))],
  [
    'resumed sessions not judged',
    'refuses_resumed_strangers',
    { secureOptions: constants.SSL_OP_NO_RENEGOTIATION },
    doorman((tls) => tls.isSessionReused()),
  ],
  [
    'renegotiation allowed',
    'refuses_renegotiation',
    { secureOptions: constants.SSL_OP_NO_TICKET },
    doorman(),
  ],
  ['handshakes that never end', 'cuts_slow_handshakes', { handshakeTimeout: 600_000 }, doorman()],
]

describe('a Node server', () => {
  const start = (options: ServerOptions, answer: RequestListener) => {
    const { cert, key } = world.server
    return httpsServer({ cert, key, ca: world.ca.cert, ...right, ...limits, ...options }, answer)
  }
  const failedAt = async (url: string) =>
    (await auditOf(url)).filter(({ ok }) => !ok).map(({ name, code }) => [name, code])

  test('that is set up right passes', async () => {
    await using server = await start({}, doorman())
    expect(await failedAt(server.url)).toEqual([])
  })

  test.each(misconfigured)('with %s fails at %s', async (_fault, fails, options, answer) => {
    await using server = await start(options, answer)
    expect(await failedAt(server.url)).toEqual([fails].flat().map((name) => [name, 'NOT_REFUSED']))
  })

  test('that asks for no certificate at all fails at every stranger', async () => {
    await using server = await start({ requestCert: false }, (_request, response) => void response.end())
    expect((await failedAt(server.url)).map(([name]) => name)).toEqual([
      ...lines.slice(2, 7),
      'refuses_resumed_strangers',
    ])
  })

  test('that answers plain HTTP on the same port fails at it', async () => {
    await using tls = await start({}, doorman())
    const plain = createHttpServer((_request, response) => void response.end('hello')).listen(0, '127.0.0.1')
    await once(plain, 'listening')
    const both = createServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', (first) => {
          const port = first[0] === 22 ? tls.port : (plain.address() as AddressInfo).port
          const inner = connect(port, '127.0.0.1')
          inner.on('error', () => {}).write(first)
          socket.pipe(inner).pipe(socket)
        })
    }).listen(0, '127.0.0.1')
    await once(both, 'listening')
    onTestFinished(() => {
      both.close()
      plain.close()
      plain.closeAllConnections()
    })
    const url = `https://localhost:${(both.address() as AddressInfo).port}/mcp`
    expect((await failedAt(url)).map(([name]) => name)).toEqual(['refuses_plain_http'])
  })
})
