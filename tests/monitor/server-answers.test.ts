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
    codes: [],
  })
})

test('policy and record of a server are read where it has them, and what else is wrong with it', () => {
  const policy = { rules: 3, mode: 'report', loaded_at: '2026-11-20T00:00:00.000Z', ok: false, error: 'x' }
  const problems = [
    { code: 'CERT_EXPIRED', message: 'our certificate CN=a has expired', since: '' },
    { code: 'RELOAD_FAILED', message: 'no such file', since: '' },
    { code: 'POLICY_INVALID', message: 'the policy of before stays in use: p.yaml: x', since: '' },
    { code: 'AUDIT_FAILED', message: `audit.jsonl cannot be written: ${'y'.repeat(9000)}`, since: '' },
  ]
  const answer = readHealth(JSON.stringify({ ...health, policy, audit: { ok: false, lost: 7 }, problems }))
  expect(answer?.health).toMatchObject({
    policy: { rules: 3, mode: 'report', ok: false },
    audit: { ok: false, lost: 7 },
  })
  expect(answer?.codes).toEqual(['CERT_EXPIRED', 'RELOAD_FAILED', 'POLICY_INVALID', 'AUDIT_FAILED'])
  expect(answer?.complaints).toEqual([
    'its certificate has expired',
    'it could not take up new files: no such file',
    'the policy of before stays in use: p.yaml: x',
    expect.stringMatching(/^audit\.jsonl cannot be written: y+…$/),
  ])
  expect(answer?.complaints.at(-1)?.length).toBeLessThanOrEqual(1000)
})

test.each<[string, string]>([
  [
    'problems without end',
    JSON.stringify({ ...health, problems: Array(1000).fill({ code: 'A', message: 'b' }) }),
  ],
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
