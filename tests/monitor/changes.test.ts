import { expect, test } from 'vitest'
import { certificateChanges, serverChanges } from '../../src/monitor/changes.js'
import { unseen } from '../../src/monitor/server-status.js'
import type { CertificateStatus, ServerStatus } from '../../src/monitor/snapshot.js'

const never = unseen('echo', 'https://localhost:8445/mcp', new Date())
const health = {
  status: 'ok',
  server: 'echo-mcp',
  version: '0.1.0',
  mode: 'strict',
  uptime_seconds: 10,
  connections: 1,
} as const
const up: ServerStatus = { ...never, state: 'up', latencies_ms: [1], health, refused: {} }
const problem = { code: 'CONNECTION_FAILED', message: 'no connection', hint: 'Start it.' }
const down: ServerStatus = { ...up, state: 'unreachable', level: 'critical', problem, health: null }

const certificate: CertificateStatus = {
  key: 'abc',
  type: 'server',
  subject: 'CN=a',
  issuer: 'CN=ca',
  serial: '1',
  names: [],
  not_before: null,
  not_after: null,
  days_left: 3,
  level: 'ok',
  places: ['certs/a.crt'],
  problems: [],
}
const expiring: CertificateStatus = {
  ...certificate,
  level: 'warning',
  problems: [{ code: 'CERT_EXPIRING', message: 'CN=a expires on Monday', hint: 'Renew it.' }],
}

test('a server that goes and comes is two changes; one that is well from the beginning is none', () => {
  expect(serverChanges(never, up)).toEqual([])
  expect(serverChanges(up, up)).toEqual([])
  expect(serverChanges(never, down)).toMatchObject([{ from: 'unknown', to: 'unreachable' }])
  expect(serverChanges(up, down)).toEqual([
    {
      kind: 'server',
      name: 'echo',
      from: 'up',
      to: 'unreachable',
      level: 'critical',
      text: 'cannot be reached: no connection',
    },
  ])
  expect(serverChanges(down, up)).toMatchObject([{ from: 'unreachable', to: 'up', level: 'ok' }])
})

test('strangers are told once, also after the server began to count anew', () => {
  const three = { ...up, refused: { CERT_EXPIRED: 3 } }
  const restarted = { ...up, health: { ...health, uptime_seconds: 1 }, refused: { CERT_EXPIRED: 1 } }
  const texts = (before: ServerStatus, after: ServerStatus) =>
    serverChanges(before, after).map(({ text }) => text)
  expect(texts(up, three)).toEqual(['refused 3 strangers: CERT_EXPIRED'])
  expect(texts(three, three)).toEqual([])
  expect(texts(three, restarted)).toEqual(['refused a stranger: CERT_EXPIRED'])
  // What happened before the first look is no news.
  expect(texts({ ...up, refused: null }, three)).toEqual([])
})

test('a certificate that comes to its end, is renewed, and goes', () => {
  expect(certificateChanges(undefined, [certificate])).toEqual([])
  expect(certificateChanges(undefined, [expiring])).toMatchObject([{ from: 'unknown', to: 'warning' }])
  expect(certificateChanges([certificate], [expiring])).toEqual([
    {
      kind: 'certificate',
      name: 'CN=a',
      from: 'ok',
      to: 'warning',
      level: 'warning',
      text: 'expires on Monday',
    },
  ])
  expect(certificateChanges([expiring], [{ ...certificate, key: 'def' }])).toMatchObject([
    { from: 'unknown', to: 'ok', text: 'new server at certs/a.crt' },
    { from: 'warning', to: 'gone', text: 'is no longer there' },
  ])
  expect(certificateChanges([certificate], [])).toEqual([])
})
