import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identityFrom } from '../../../src/auth/identity.js'
import type { SecurityEvent } from '../../../src/tls/events.js'
import { openLog, securityLine } from '../../../src/tls/log/log.js'
import { ConnectionRecord } from '../../../src/tls/peer/connection.js'
import { verdict } from '../../../src/tls/peer/verdict.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { forge } from '../../support/forge.js'
import { refusal } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'

const base = {
  time: new Date('2030-01-02T03:04:05.678Z'),
  side: 'server',
  name: 'test-mcp',
  mode: 'demo',
  peerAddress: '127.0.0.1:50000',
} as const

async function connectionOf(verified: boolean) {
  const peerCertificate = readCertificate((await forge({ commonName: 'agent' })).cert)
  const record = new ConnectionRecord('localhost', 8443, undefined)
  record.become('handshaking', {
    tlsVersion: 'TLSv1.3',
    cipherSuite: 'TLS_AES_256_GCM_SHA384',
    resumed: true,
  })
  record.become('verified', { peerCertificate, peer: identityFrom(peerCertificate, verified), verified })
  return record.facts
}

test('a line has flat fields, and an identity only when it is verified', async () => {
  const connection = await connectionOf(true)
  const { serial, fingerprint256 } = connection.peerCertificate ?? {}
  expect(securityLine({ event: 'connection-accepted', ...base, connection })).toMatchObject({
    event: 'connection-accepted',
    time: '2030-01-02T03:04:05.678Z',
    side: 'server',
    name: 'test-mcp',
    mode: 'demo',
    peer_address: '127.0.0.1:50000',
    identity: 'cn:agent',
    subject: 'CN=agent',
    serial,
    fingerprint256,
    tls_version: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    resumed: true,
  })
  const unverified = { event: 'connection-accepted', ...base, connection: await connectionOf(false) } as const
  expect(JSON.stringify(securityLine(unverified))).not.toContain('"identity"')
  expect(securityLine(unverified).subject).toBe('CN=agent')
})

test('what runs on old certificates because the new ones are bad is an error; a refused peer is a warning', () => {
  const file = join(scratch(), 'security.log')
  const { onSecurityEvent, close } = openLog({ level: 'silent', securityLog: file })
  onSecurityEvent({ event: 'reload-failed', ...base, reason: 'RELOAD_FAILED', message: 'no list' })
  onSecurityEvent({ event: 'handshake-failed', ...base, reason: 'NOT_TLS', message: 'no TLS' })
  close()
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).level)).toEqual([50, 40])
})

test('the file gets every event, private to its owner, after what was there', () => {
  const file = join(scratch(), 'logs', 'security.log')
  const failed: SecurityEvent = { event: 'handshake-failed', ...base, reason: 'NOT_TLS', message: 'no TLS' }
  for (let times = 0; times < 2; times++) {
    const { onSecurityEvent, close } = openLog({ level: 'silent', securityLog: file })
    onSecurityEvent(failed)
    close()
    onSecurityEvent(failed) // too late
  }
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ event: 'handshake-failed', reason: 'NOT_TLS', level: 40, msg: 'no TLS' }),
    expect.objectContaining({ event: 'handshake-failed' }),
  ])
  expect(lines[0]?.match(/"time"/g)).toHaveLength(1)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a file that cannot be written is CONFIG_INVALID and named', () => {
  const directory = scratch()
  writeFileSync(join(directory, 'file'), '')
  const path = join(directory, 'file', 'security.log')
  const error = refusal(() => openLog({ securityLog: path }))
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(path) })
})

test('a name of a peer that has no end does not fill a line, nor the answer to it', async () => {
  const peerCertificate = readCertificate((await forge({ commonName: 'x'.repeat(15_000) })).cert)
  const record = new ConnectionRecord('y'.repeat(5000), 8443, undefined)
  record.become('failed', { peerCertificate })
  const reason = {
    reason: 'CERT_EXPIRED',
    message: `certificate ${peerCertificate.subject} has expired`,
  } as const
  const line = securityLine({ event: 'connection-refused', ...base, ...reason, connection: record.facts })
  expect(JSON.stringify(line).length).toBeLessThan(1500)
  expect(line).toMatchObject({ subject: expect.stringMatching(/^CN=x{252}…$/), reason: 'CERT_EXPIRED' })
  const path = {
    anchored: false,
    selfSigned: false,
    badSignature: undefined,
    certificates: [peerCertificate],
  } as const
  const facts = { path, authorizationError: undefined }
  const judged = verdict(facts, { peer: 'client', mode: 'strict', crls: undefined }, new Date(0))
  expect(judged).toMatchObject({
    code: 'CERT_NOT_YET_VALID',
    message: expect.stringMatching(/^certificate CN=x{96}… is not valid before /),
  })
})

test('what a reload could not do is told whole: the paths are ours', () => {
  const message = `the new certificates were not taken up, /${'long/'.repeat(100)}server.key`
  const failed = { event: 'reload-failed', ...base, reason: 'RELOAD_FAILED', message } as const
  expect(securityLine(failed as SecurityEvent).msg).toBe(message)
})

test('a line is written after what is served, at the end of a process at the latest', async () => {
  const file = join(scratch(), 'security.log')
  const log = openLog({ level: 'silent', securityLog: file })
  const written = () => readFileSync(file, 'utf8').split('\n').length - 1
  log.onSecurityEvent({ event: 'handshake-failed', ...base, reason: 'NOT_TLS', message: 'no TLS' })
  expect(written()).toBe(0)
  await new Promise(setImmediate)
  expect(written()).toBe(1)
  log.onSecurityEvent({ event: 'reload-failed', ...base, reason: 'RELOAD_FAILED', message: 'no list' })
  log.close()
  expect(written()).toBe(2)
})

test('repeated refusals of one address take one line a second, which counts them', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const file = join(scratch(), 'security.log')
  const log = openLog({ level: 'silent', securityLog: file })
  const failed = (peerAddress: string, reason: 'NOT_TLS' | 'CONNECTION_FAILED' = 'NOT_TLS') =>
    log.onSecurityEvent({ event: 'handshake-failed', ...base, peerAddress, reason, message: 'no TLS' })
  for (let port = 1; port <= 500; port++) failed(`127.0.0.2:${port}`)
  failed('127.0.0.2:1', 'CONNECTION_FAILED')
  failed('[::1]:7')
  vi.advanceTimersByTime(1000)
  for (let port = 1; port <= 30; port++) failed(`127.0.0.2:${port}`)
  vi.advanceTimersByTime(1000)
  vi.advanceTimersByTime(1000) // a second of peace
  failed('127.0.0.2:9')
  log.close()
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.filter(({ count }) => count)).toEqual([
    expect.objectContaining({
      event: 'handshake-failed',
      peer_address: '127.0.0.2',
      reason: 'NOT_TLS',
      count: 499,
      msg: '499 more from 127.0.0.2 within a second, the last: no TLS',
    }),
    expect.objectContaining({ peer_address: '127.0.0.2', count: 30 }),
  ])
  expect(
    lines
      .filter(({ count }) => !count)
      .map(({ peer_address }) => peer_address)
      .sort(),
  ).toEqual(['127.0.0.2:1', '127.0.0.2:1', '127.0.0.2:9', '[::1]:7'])
})

test('refusals of more addresses than anybody reads are told in one sum', () => {
  const file = join(scratch(), 'security.log')
  const log = openLog({ level: 'silent', securityLog: file })
  for (let address = 0; address < 5000; address++) {
    const peerAddress = `10.0.${address >> 8}.${address & 255}:1`
    log.onSecurityEvent({ event: 'handshake-failed', ...base, peerAddress, reason: 'NOT_TLS', message: 'x' })
  }
  log.close()
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toHaveLength(101)
  expect(lines.at(-1)).toMatchObject({ peer_address: 'many addresses', count: 4900 })
})
