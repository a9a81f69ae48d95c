import { readFileSync, statSync } from 'node:fs'
import { connect as tcpConnect } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { connect, type SecurityEvent } from '../../src/client/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { corruptSignature, type Forged, forge } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { openWire } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

type Line = Record<string, unknown>

async function logged(file: string): Promise<Line[]> {
  await new Promise(setImmediate) // lines are written after what is served
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Line)
}

function secretLines({ key }: Forged): string[] {
  return key.split('\n').filter((line) => line.length > 20 && !line.startsWith('-'))
}

test('the file has a line for each accepted and refused client and each failed handshake', async () => {
  await using world = await makeWorld()
  const file = join(scratch(), 'audit', 'security.log')
  await using served = await serveTest({ tls: world.tls, log: { level: 'silent', securityLog: file } })
  const { port } = served.server
  const first = await callAsBareClient(port, { shown: world.client, version: 'TLSv1.2' })
  await callAsBareClient(port, { shown: world.client, version: 'TLSv1.2', session: first.session })
  const stranger = await forge({ commonName: 'stranger' })
  await callAsBareClient(port, { shown: stranger })
  await callAsBareClient(port, {})
  const plain = tcpConnect(port, '127.0.0.1')
  plain.write('GET / HTTP/1.1\r\n\r\n')
  plain.resume()
  await served.event('handshake-failed')

  const lines = (await logged(file)).filter(({ event }) => event !== 'connection-closed')
  expect(lines.map(({ event }) => event)).toEqual([
    'connection-accepted',
    'connection-accepted',
    'connection-refused',
    'connection-refused',
    'handshake-failed',
  ])
  const [accepted, resumed, refused, without, failed] = lines
  const always = {
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    side: 'server',
    name: served.server.name,
    mode: 'strict',
    peer_address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  }
  for (const line of lines) expect(line).toMatchObject(always)
  expect(accepted).toMatchObject({
    identity: 'cn:mcp-client',
    subject: 'CN=mcp-client',
    serial: world.client.serial,
    fingerprint256: expect.stringMatching(/^[0-9a-f]{64}$/),
    tls_version: 'TLSv1.2',
    cipher: expect.stringMatching(/^TLS_ECDHE_ECDSA_WITH_/),
    resumed: false,
  })
  expect(resumed).toMatchObject({ identity: 'cn:mcp-client', resumed: true })
  expect(refused).toMatchObject({
    reason: 'CLIENT_CERT_REJECTED',
    subject: 'CN=stranger',
    serial: stranger.serial,
    tls_version: 'TLSv1.3',
  })
  expect(refused).not.toHaveProperty('identity')
  expect(without).toMatchObject({ reason: 'CLIENT_CERT_REQUIRED' })
  expect(failed).toMatchObject({ reason: 'NOT_TLS' })
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('in demo mode a stranger has no identity in the log, and a warning', async () => {
  await using world = await makeWorld()
  const file = join(scratch(), 'security.log')
  const tls = { ...world.tls, demoMode: true }
  await using served = await serveTest({ tls, log: { level: 'silent', securityLog: file } })
  await callAsBareClient(served.server.port, { shown: await forge({ commonName: 'mcp-client' }) })
  const [accepted, warned] = await logged(file)
  expect(accepted).toMatchObject({ event: 'connection-accepted', mode: 'demo', subject: 'CN=mcp-client' })
  expect(accepted).not.toHaveProperty('identity')
  expect(warned).toMatchObject({
    event: 'verification-relaxed',
    relaxed: ['issuer-unknown'],
    level: 40,
    mode: 'demo',
  })
})

test.each([0, 1, 3])('a connection that closes tells what it was used for: %d requests', async (requests) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const wire = await openWire(served.server.url, world.certDir)
  await served.event('connection-accepted')
  for (let sent = 1; sent <= requests; sent++) {
    wire.socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await wire.until(new RegExp(`(HTTP/1.1 200[\\s\\S]*"ok"}[\\s\\S]*){${sent}}`))
  }
  wire.socket.destroy()
  const told = await served.event('connection-closed')
  expect(told).toMatchObject({ requests, connection: { state: 'closed', peer: { id: 'cn:mcp-client' } } })
  expect([told.bytesRead, told.bytesWritten]).toEqual([40 * requests, wire.received().length])
  expect(told.durationMs).toBeGreaterThanOrEqual(0)
})

test('our client writes the same lines from its side', async () => {
  await using world = await makeWorld()
  const file = join(scratch(), 'security.log')
  await using served = await serveTest({ tls: world.tls })
  await using client = await connect({
    serverUrl: served.server.url,
    tls: world.tls,
    log: { level: 'silent', securityLog: file },
  })
  expect(client.connection()?.state).toBe('verified')
  expect((await logged(file))[0]).toMatchObject({
    event: 'connection-accepted',
    side: 'client',
    identity: 'dns:localhost',
    subject: 'CN=mcp-server',
    tls_version: 'TLSv1.3',
    peer_address: `localhost:${served.server.port}`,
  })
})

test.each([
  ['line breaks', 'evil\n{"event":"connection-accepted","identity":"cn:admin"}\r\nmore'],
  ['escape sequences', '\u001b[2J\u001b[31mred\u0007\u009b1m'],
  ['text that turns round', 'cn\u202eegdelivirp\u2066'],
  ['a null', 'admin\0.example.org'],
  ['commas and quotes', 'a",CN=admin,O="b'],
])('a common name with %s breaks no line and reaches nobody raw', async (_what, commonName) => {
  await using world = await makeWorld()
  const file = join(scratch(), 'security.log')
  await using served = await serveTest({ tls: world.tls, log: { level: 'silent', securityLog: file } })
  const answers = [
    await callAsBareClient(served.server.port, { shown: await forge({ issuer: world.ca, commonName }) }),
    await callAsBareClient(served.server.port, { shown: await forge({ commonName }) }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 403])
  const told = (await logged(file)).filter(({ event }) => event !== 'connection-closed')
  expect(told.map(({ event }) => event)).toEqual(['connection-accepted', 'connection-refused'])
  const written = readFileSync(file, 'utf8')
  expect(written.trimEnd().split('\n')).toHaveLength((await logged(file)).length)
  for (const text of [written.replaceAll('\n', ''), answers[1]?.body ?? ''])
    expect(text).not.toMatch(/\p{C}/u)
  // What somebody prints of the parsed line is safe too.
  for (const value of Object.values(told[1] ?? {})) expect(String(value)).not.toMatch(/\p{C}/u)
  expect(told[0]?.subject).not.toMatch(/[^\\],CN=admin/)
})

test('no key is in any event, log line or error', async () => {
  await using world = await makeWorld()
  const file = join(scratch(), 'security.log')
  const seen: unknown[] = []
  const onSecurityEvent = (event: SecurityEvent) => void seen.push(event)
  const secrets = [...secretLines(world.client), ...secretLines(world.server)]
  expect(secrets.length).toBeGreaterThan(2)
  {
    await using served = await serveTest({
      tls: world.tls,
      log: { level: 'silent', securityLog: file },
      onSecurityEvent,
    })
    await using client = await connect({
      serverUrl: served.server.url,
      tls: world.tls,
      log: { level: 'silent', securityLog: file },
      onSecurityEvent,
    })
    await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
    seen.push(client, client.connection(), client.pool(), served.server, served.server.health())
    seen.push(served.server.connections())
    const refused = corruptSignature(await forge({ issuer: world.ca }))
    seen.push(await callAsBareClient(served.server.port, { shown: refused }))
  }
  const bad = await makeWorld({ server: { ...world.server, key: world.client.key } })
  seen.push(await serveTest({ tls: bad.tls }).catch((error: unknown) => error))
  await bad[Symbol.asyncDispose]()
  seen.push(readFileSync(file, 'utf8'))
  for (const one of seen) {
    const texts = [
      inspect(one, {
        depth: Infinity,
        showHidden: true,
        maxStringLength: Infinity,
        maxArrayLength: Infinity,
      }),
    ]
    if (!(one instanceof Object) || 'event' in one || one instanceof Error)
      texts.push(JSON.stringify(one) ?? '')
    for (const text of texts) for (const secret of secrets) expect(text.includes(secret)).toBe(false)
  }
})
