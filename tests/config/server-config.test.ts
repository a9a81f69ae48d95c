import { expect, test } from 'vitest'
import { parseServerConfig } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'
import { directoryWith, scratch, usualFiles } from '../support/scratch.js'

const plain = { name: 'echo-mcp', tlsEnabled: false }

test('a server listens on loopback with the documented limits', () => {
  const tls = { certDir: directoryWith(...usualFiles) }
  expect(parseServerConfig({ name: 'echo-mcp', tlsPort: 8445, tls })).toMatchObject({
    name: 'echo-mcp',
    host: '127.0.0.1',
    tlsEnabled: true,
    tlsPort: 8445,
    allowedOrigins: [],
    limits: {
      maxBodyBytes: 1_048_576,
      maxBodyKeys: 10_000,
      maxBodyDepth: 100,
      maxHeaderBytes: 16_384,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 1000,
      maxConnectionsPerIdentity: 1000,
      maxRequestsPerIdentity: 1000,
      handshakeTimeout: 5000,
      excessPenalty: 10_000,
      headersTimeout: 10_000,
      idleTimeout: 60_000,
      drainTimeout: 10_000,
    },
    tls: { ...tls, demoMode: false, minVersion: 'TLSv1.2' },
  })
})

test('the config cannot be changed, at any depth', () => {
  const config = parseServerConfig(plain)
  expect(Object.isFrozen(config) && Object.isFrozen(config.limits)).toBe(true)
})

test.each([
  ['HTTP and TLS', { httpPort: 8443, tlsPort: 8443 }],
  ['HTTP and tls.port', { httpPort: 8443, tls: { port: 8443 } }],
  ['health and TLS', { healthPort: 8443, tlsPort: 8443 }],
  ['health and HTTP', { healthPort: 8081, httpPort: 8081, tlsPort: 8443 }],
])('the same port for %s is PORT_CONFLICT', (_, ports) => {
  expect(refusal(() => parseServerConfig({ name: 'echo-mcp', ...ports })).code).toBe('PORT_CONFLICT')
})

test('any number of listeners may ask for any free port', () => {
  expect(parseServerConfig({ ...plain, httpPort: 0, tlsPort: 0, healthPort: 0 }).httpPort).toBe(0)
})

test('tlsPort and tls.port must agree', () => {
  const error = refusal(() => parseServerConfig({ name: 'echo-mcp', tlsPort: 8445, tls: { port: 8446 } }))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toContain('8446')
  const tls = { certDir: directoryWith(...usualFiles), port: 8446 }
  expect(parseServerConfig({ name: 'echo-mcp', tls }).tlsPort).toBe(8446)
})

test('without TLS no certificate is looked for, and nothing but loopback is listened on', () => {
  const tls = { certDir: `${scratch()}/absent` }
  expect(parseServerConfig({ ...plain, tls })).not.toHaveProperty('tls')
  const error = refusal(() =>
    parseServerConfig({ ...plain, host: '0.0.0.0', tls: { demoAllowRemote: true } }),
  )
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toContain('without TLS only loopback')
})

test('demo mode listens beyond loopback only when told twice', () => {
  const certDir = directoryWith(...usualFiles)
  const options = { name: 'echo-mcp', host: '0.0.0.0' }
  const error = refusal(() => parseServerConfig({ ...options, tls: { certDir, demoMode: true } }))
  expect(error.message).toContain('TLS_DEMO_ALLOW_REMOTE')
  const tls = { certDir, demoMode: true, demoAllowRemote: true }
  expect(parseServerConfig({ ...options, tls }).host).toBe('0.0.0.0')
  expect(parseServerConfig({ ...options, tls: { certDir } }).host).toBe('0.0.0.0')
})

test('problems of single options, of their combination and of nested ones come together', () => {
  const error = refusal(() =>
    parseServerConfig({
      httpPort: 8443,
      tlsPort: 8443,
      tsl: {},
      tls: { minVersion: 'SSLv3', demoMode: true },
      host: '10.0.0.1',
      limits: { handshakeTimeout: 0, idleTimout: 5 },
    }),
  )
  expect(error.code).toBe('CONFIG_INVALID')
  for (const part of [
    'name: missing',
    'tsl: there is no such option (did you mean tls?)',
    'tlsPort: 8443 is also httpPort',
    'tls.minVersion: "SSLv3"',
    'host: 10.0.0.1: demo mode allows only loopback',
    'limits.handshakeTimeout: 0: allowed are durations above 0',
    'limits.idleTimout: there is no such option (did you mean idleTimeout?)',
  ])
    expect(error.message).toContain(part)
})

test.each([undefined, null, 'echo', 7, []])('%j is not a config', (input) => {
  expect(refusal(() => parseServerConfig(input)).code).toBe('CONFIG_INVALID')
})
