import { afterAll, beforeAll, expect, test } from 'vitest'
import { readTrust } from '../../src/pki/check/trust.js'
import { openAuthority } from '../../src/pki/index.js'
import { audit } from '../../src/probe/audit/audit.js'
import { diagnose } from '../../src/probe/diagnose/diagnose.js'
import { Steps } from '../../src/probe/diagnose/steps.js'
import { forge, forgeCa, writeSet } from '../support/forge.js'
import { nginx } from '../support/nginx.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'
import { makeWorld, type World } from '../support/world.js'

// nginx is what stands in front of most servers: test-tls must understand it too.

const strict = [
  'ssl_verify_client on',
  'ssl_protocols TLSv1.2 TLSv1.3',
  'ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20',
  'client_header_timeout 1s',
]

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

async function failedAt(port: number, certDir = world.certDir, audited = true) {
  const steps = new Steps(() => {}, undefined)
  const trust = await readTrust({ directories: [certDir] })
  const url = new URL(`https://localhost:${port}/mcp`)
  const options = { url, tls: { certDir }, trust, timeoutMs: 5000, handshakeTimeoutMs: 5000 }
  const baseline = await diagnose(options, steps)
  const [cert, key] = [world.ca.cert, world.ca.key].map((text) => ({ text, path: 'ca' }))
  const authority = cert && key && openAuthority(cert, key)
  if (audited) await audit(baseline, { authority, slowHandshakeMs: 3000 }, steps)
  return steps.all
    .filter(({ ok, code }) => !ok && code !== 'NOT_RUN')
    .map(({ name, code }) => `${name} ${code}`)
}

describeWith('nginx', onPath('nginx') !== undefined, 'nginx', () => {
  test('set up right passes the audit; that it is no MCP server is told', async () => {
    expect(await failedAt(await nginx(world.certDir, ...strict))).toEqual(['mcp NOT_MCP'])
  })

  test('with ssl_verify_client optional lets people in without a certificate, and nothing else', async () => {
    const optional = strict.with(0, 'ssl_verify_client optional')
    expect(await failedAt(await nginx(world.certDir, ...optional))).toEqual([
      'mcp NOT_MCP',
      'refuses_no_certificate NOT_REFUSED',
    ])
  })

  test('with ssl_verify_client optional_no_ca lets everybody in', async () => {
    const optional = strict.with(0, 'ssl_verify_client optional_no_ca')
    expect(await failedAt(await nginx(world.certDir, ...optional))).toEqual(
      expect.arrayContaining([
        'refuses_no_certificate NOT_REFUSED',
        'refuses_another_ca NOT_REFUSED',
        'refuses_self_signed NOT_REFUSED',
      ]),
    )
  })

  test('as it comes offers weak suites and waits long for handshakes', async () => {
    const port = await nginx(world.certDir, 'ssl_verify_client on', 'ssl_protocols TLSv1.2 TLSv1.3')
    expect(await failedAt(port)).toEqual([
      'mcp NOT_MCP',
      'refuses_weak_suites NOT_REFUSED',
      'cuts_slow_handshakes NOT_REFUSED',
    ])
  })

  test('refuses our certificate in words of its own, which are understood', async () => {
    const certDir = scratch()
    const client = await forge({ issuer: await forgeCa({ commonName: 'Elsewhere' }) })
    await writeSet(certDir, { ca: world.ca, client })
    const port = await nginx(world.certDir, ...strict)
    expect(await failedAt(port, certDir, false)).toEqual(['client_certificate CLIENT_CERT_REJECTED'])
  })
})
