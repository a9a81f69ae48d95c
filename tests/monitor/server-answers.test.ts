import { expect, test } from 'vitest'
import { readHealth, readRefusals } from '../../src/monitor/server-answers.js'

const health = {
  status: 'degraded',
  server: 'weather-mcp',
  version: '0.1.0',
  mode: 'strict',
  uptime_seconds: 5,
  connections: 1,
  certificates: [
    { role: 'server', state: 'expired', subject: 'CN=a' },
    { role: 'ca', state: 'ok', subject: 'CN=b' },
  ],
  last_reload: { at: '2026-11-20T00:00:00.000Z', ok: false, error: 'no such file' },
}

test('the health of a server of ours is read, with its complaints', () => {
  expect(readHealth(JSON.stringify(health))).toEqual({
    health: {
      status: 'degraded',
      server: 'weather-mcp',
      version: '0.1.0',
      mode: 'strict',
      uptime_seconds: 5,
      connections: 1,
    },
    complaints: ['its certificate has expired', 'it could not take up new files: no such file'],
  })
})

test.each<[string, string]>([
  ['no JSON', '<html>'],
  ['another JSON', '{}'],
  ['a state nobody knows', JSON.stringify({ ...health, status: 'splendid' })],
  ['a name without end', JSON.stringify({ ...health, server: 'x'.repeat(1000) })],
  [
    'certificates without end',
    JSON.stringify({ ...health, certificates: Array(1000).fill(health.certificates[0]) }),
  ],
])('%s is no health', (_title, body) => {
  expect(readHealth(body)).toBeUndefined()
})

const counter = '# TYPE mcp_mtls_handshakes_total counter'

test('refusals are summed by reason, and only by reasons that we know', () => {
  const text = [
    counter,
    'mcp_mtls_handshakes_total{result="accepted",reason="",version="TLSv1.3",server="a"} 7',
    'mcp_mtls_handshakes_total{result="refused",reason="CERT_EXPIRED",version="TLSv1.3",server="a"} 2',
    'mcp_mtls_handshakes_total{result="refused",reason="CERT_EXPIRED",version="TLSv1.2",server="a"} 1',
    'mcp_mtls_handshakes_total{result="refused",reason="MADE_UP",version="TLSv1.2",server="a"} 1',
    'mcp_mtls_handshakes_total{result="refused",reason="__proto__",version="TLSv1.2",server="a"} 1',
    'mcp_mtls_handshakes_total{result="refused",reason="CERT_REVOKED",version="TLSv1.2",server="a"} many',
  ].join('\n')
  expect(readRefusals(text)).toEqual({ CERT_EXPIRED: 3 })
  expect(readRefusals(counter)).toEqual({})
  expect(readRefusals('something_else 1')).toBeUndefined()
})

test('reading metrics takes time in proportion to their length', () => {
  // In proportion to its square it would not end today.
  expect(readRefusals(`${counter}\n${'mcp_mtls_handshakes_total{'.repeat(400_000)}`)).toEqual({})
})
