import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ask, mcpHeaders, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const applicationData = 23

/** The lengths of the records of application data in what has come so far (RFC 5246 section 6.2.1). */
function answersIn(bytes: Buffer): number[] {
  const lengths: number[] = []
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3))
    if (bytes[at] === applicationData) lengths.push(bytes.readUInt16BE(at + 3))
  return lengths
}

/** A place in front of a server where what it sends can be seen. */
async function watched(url: string) {
  const chunks: Buffer[] = []
  const server = createServer((near) => {
    const far = connect(Number(new URL(url).port), '127.0.0.1')
    far.on('data', (chunk) => chunks.push(chunk))
    far.pipe(near).pipe(far)
    for (const end of [near, far]) end.on('error', () => end.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const through = new URL(url)
  through.port = String((server.address() as AddressInfo).port)
  return { through, answers: () => answersIn(Buffer.concat(chunks)) }
}

// In TLS 1.3 session tickets look like application data from outside.
const tls = { maxVersion: 'TLSv1.2' } as const

test.each([
  ['a page', { path: '/health' }, 200],
  ['an answer of MCP', { headers: mcpHeaders, body: toolCall('who') }, 200],
  ['a long answer of MCP', { headers: mcpHeaders, body: toolCall('echo', { text: 'x'.repeat(9000) }) }, 200],
  ['a request that is refused', { headers: { host: 'elsewhere.example' } }, 403],
  ['a method that is not allowed', { path: '/health', method: 'PUT' }, 405],
] as const)('%s leaves in one record, head and body', async (_what, how, status) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir } })
  const { through, answers } = await watched(served.server.url)
  if ('path' in how) through.pathname = how.path
  const answer = await ask(through, world.certDir, { ...how, tls })
  expect(answer.status).toBe(status)
  expect(answers()).toHaveLength(1)
  expect(answers()[0]).toBeGreaterThan(answer.body.length)
})

test('a client without a certificate is told why in one record', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: { certDir: world.certDir } })
  const { through, answers } = await watched(served.server.url)
  const withoutCertificate = { ...tls, cert: undefined, key: undefined }
  const answer = await ask(through, world.certDir, { tls: withoutCertificate })
  expect(answer.status).toBe(403)
  expect(answers()).toHaveLength(1)
})
