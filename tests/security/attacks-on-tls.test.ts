import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Forged } from '../support/forge.js'
import { sClient } from '../support/openssl.js'
import { scratch } from '../support/scratch.js'
import { httpText } from '../support/wire.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

// A client that is allowed in tries what has broken TLS before, with the openssl command or byte by byte.

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

const health = httpText('/health', { connection: 'close' })
const file = (content: string) => {
  const path = join(scratch(), 'file')
  writeFileSync(path, content)
  return path
}
const shown = ({ cert, key }: Pick<Forged, 'cert' | 'key'>) => ['-cert', file(cert), '-key', file(key)]
/** What `openssl s_client` prints that asks for `/health` with a good certificate. */
const asked = (...args: string[]) => sClient(served.server.port, health, ...shown(world.client), ...args)

test('nothing is compressed in TLS, also where a client asks for it', async () => {
  for (const args of [
    ['-tls1_2', '-comp'],
    ['-tls1_3', '-comp'],
  ]) {
    const output = await asked(...args)
    expect(output).toContain('HTTP/1.1 200')
    expect(output).toContain('Compression: NONE')
    expect(output).toContain('Expansion: NONE')
  }
})

test('no request comes as early data, which could be replayed', async () => {
  const [session, request] = [join(scratch(), 'session'), file(health)]
  expect(await asked('-tls1_3', '-sess_out', session)).toContain('Max Early Data: 0')
  const again = await asked('-tls1_3', '-sess_in', session, '-early_data', request)
  expect(again).toContain('Reused, TLSv1.3')
  expect(again).toContain('Early data was not sent')
  expect(again.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
})

test('a session of TLS 1.2 is bound to its handshake (extended master secret)', async () => {
  expect(await asked('-tls1_2')).toContain('Extended master secret: yes')
})

test('a client that was talked down to TLS 1.2 is told so (fallback SCSV)', async () => {
  const output = await asked('-tls1_2', '-fallback_scsv')
  expect(output).toContain('alert inappropriate fallback')
  expect(output).not.toContain('HTTP/1.1')
})

test.each(['RSA+SHA1', 'ECDSA+SHA1'])('no handshake is signed with %s', async (algorithm) => {
  const args = ['-sigalgs', algorithm, '-client_sigalgs', algorithm, '-cipher', 'ALL:@SECLEVEL=0']
  const output = await asked('-tls1_2', ...args)
  expect(output).toContain('alert handshake failure')
  expect(output).not.toContain('HTTP/1.1')
})

test('a client is asked for no signature over SHA-1 or MD5', async () => {
  for (const version of ['-tls1_2', '-tls1_3']) {
    const output = await asked(version, '-cipher', 'ALL:@SECLEVEL=0')
    const [, algorithms = ''] = /^Requested Signature Algorithms: (.*)$/m.exec(output) ?? []
    expect(algorithms).toMatch(/SHA256/i)
    expect(algorithms).not.toMatch(/SHA1\b|MD5/i)
  }
})

test.each(['h2', 'ftp', 'smtp'])('a client that speaks %s alone is refused (ALPN)', async (protocol) => {
  const output = await asked('-alpn', protocol)
  expect(output).toContain('alert no application protocol')
  expect(output).not.toContain('HTTP/1.1')
})

test('HTTP/2 is not spoken, also where a client prefers it', async () => {
  const output = await asked('-alpn', 'h2,http/1.1')
  expect(output).toContain('ALPN protocol: http/1.1')
  expect(output).toContain('HTTP/1.1 200')
})

interface TlsRecord {
  readonly type: number
  readonly content: Buffer
}

/** The whole records in these bytes. */
function recordsIn(bytes: Buffer): TlsRecord[] {
  const records: TlsRecord[] = []
  for (let rest = bytes; rest.length >= 5; ) {
    const end = 5 + rest.readUInt16BE(3)
    if (rest.length < end) break
    records.push({ type: rest[0] ?? 0, content: rest.subarray(5, end) })
    rest = rest.subarray(end)
  }
  return records
}

/** The records that come back: all until the server closes, or until there are as many as wanted. */
async function recordsAfter(sent: Buffer, wanted = Number.POSITIVE_INFINITY): Promise<TlsRecord[]> {
  const socket = connect(served.server.port, '127.0.0.1', () => socket.write(sent))
  let arrived = Buffer.alloc(0)
  socket
    .on('error', () => {})
    .on('data', (data) => {
      arrived = Buffer.concat([arrived, data])
      if (recordsIn(arrived).length >= wanted) socket.destroy()
    })
  await once(socket, 'close')
  return recordsIn(arrived)
}

const uint16 = (number: number) => [number >> 8, number & 255]
const withLength = (bytes: readonly number[]) => [...uint16(bytes.length), ...bytes]
/** A ClientHello of TLS 1.2 with these extensions. */
function clientHello(...extensions: (readonly [type: number, content: readonly number[]])[]): Buffer {
  const suites = [0xc0, 0x2b, 0xc0, 0x2f] // ECDHE with AES-128-GCM
  const usual: (readonly [number, readonly number[]])[] = [
    [10, withLength(uint16(23))], // P-256
    [13, withLength([4, 3, 4, 1])], // ECDSA and RSA over SHA-256
  ]
  const all = [...usual, ...extensions].flatMap(([type, content]) => [
    ...uint16(type),
    ...withLength(content),
  ])
  const body = [3, 3, ...Buffer.alloc(32, 7), 0, ...withLength(suites), 1, 0, ...withLength(all)]
  return Buffer.from([22, 3, 1, ...withLength([1, 0, ...withLength(body)])])
}
const [alert, handshake, heartbeat] = [21, 22, 24]

test('a heartbeat that lies of its length gets no memory back (Heartbleed)', async () => {
  const hello = clientHello([23, []], [15, [1]]) // extended master secret, and "heartbeats may be sent"
  const [greeting] = await recordsAfter(hello, 1)
  expect(greeting?.type).toBe(handshake)
  // ServerHello: type and length, version, random, session id, suite, compression; then the extensions.
  const answer = greeting?.content ?? Buffer.alloc(0)
  const sessionId = answer[38] ?? 0
  const agreed: number[] = []
  for (let at = 44 + sessionId; at < answer.length; at += 4 + answer.readUInt16BE(at + 2))
    agreed.push(answer.readUInt16BE(at))
  expect(agreed).toContain(23)
  expect(agreed).not.toContain(15)
  const lie = Buffer.from([heartbeat, 3, 3, 0, 3, 1, 0x40, 0]) // no content, and it says that there are 16 kB
  const records = await recordsAfter(Buffer.concat([hello, lie]))
  expect(records.map(({ type }) => type)).not.toContain(heartbeat)
  expect(records.at(-1)?.type).toBe(alert)
})

test('SSL 2.0 is not understood (DROWN)', async () => {
  const suites = [1, 0, 0x80, 7, 0, 0xc0] // RC4 and 3DES of SSL 2.0
  const body = [1, 0, 2, ...uint16(suites.length), 0, 0, 0, 16, ...suites, ...Buffer.alloc(16, 7)]
  const records = await recordsAfter(Buffer.from([0x80, body.length, ...body]))
  expect(records.map(({ type }) => type).filter((type) => type !== alert)).toEqual([])
  const failed = await served.event('handshake-failed')
  expect(failed.reason).toBeTruthy()
})
