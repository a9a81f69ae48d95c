import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { backoff, withRetries } from '../../src/client/retry.js'
import { foreignServer } from '../support/foreign-server.js'
import { forge, forgeCa } from '../support/forge.js'
import { losingServer } from '../support/losing-server.js'
import { makeWorld, serveTest } from '../support/world.js'

describe('a call whose connection is lost', () => {
  test.each(['readOnly', 'idempotent'] as const)('is repeated when the tool is %s', async (name) => {
    await using world = await makeWorld()
    await using losing = await losingServer(world, 2)
    await using client = await connect({ serverUrl: losing.url, tls: world.tls, log: false })
    const { content } = await client.callTool({ name, arguments: {} })
    expect(content).toEqual([{ type: 'text', text: 'done' }])
    expect(losing.calls[name]).toBe(3)
  })

  test('is not repeated otherwise: it may have been executed', async () => {
    await using world = await makeWorld()
    await using losing = await losingServer(world, 1)
    await using client = await connect({ serverUrl: losing.url, tls: world.tls, log: false })
    await expect(client.callTool({ name: 'plain', arguments: {} })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      hint: expect.stringContaining('may have been executed'),
    })
    expect(losing.calls.plain).toBe(1)
  })

  test.each([0, 1])('is repeated %i times when retryAttempts says so', async (retryAttempts) => {
    await using world = await makeWorld()
    await using losing = await losingServer(world, 5)
    await using client = await connect({ serverUrl: losing.url, retryAttempts, tls: world.tls, log: false })
    const lost = client.callTool({ name: 'readOnly', arguments: {} })
    await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(losing.calls.readOnly).toBe(retryAttempts + 1)
  })
})

test('a connection that does not come about is tried again, whatever the tool', async () => {
  await using world = await makeWorld()
  const first = await serveTest({ tls: world.tls })
  await using client = await connect({
    serverUrl: first.server.url,
    retryAttempts: 12,
    tls: world.tls,
    log: false,
  })
  const { port } = first.server
  await first.server.close()
  const call = client.callTool({ name: 'count', arguments: {} })
  await using second = await serveTest({ tls: world.tls, tlsPort: port })
  expect((await call).content).toEqual([{ type: 'text', text: '1' }])
  expect(second.calls).toEqual(['count'])
})

describe('nothing is tried again', () => {
  test('after the server refused our certificate', async () => {
    const client = await forge({ issuer: await forgeCa(), usage: 'client' })
    await using world = await makeWorld({ client })
    await using served = await serveTest({ tls: world.tls })
    const refused = connect({ serverUrl: served.server.url, retryAttempts: 5, tls: world.tls, log: false })
    await expect(refused).rejects.toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
    await served.server.close()
    expect(served.events.map(({ event }) => event)).toEqual(['connection-refused'])
  })

  test('after we refused the certificate of the server', async () => {
    const server = await forge({ issuer: await forgeCa(), usage: 'server' })
    await using world = await makeWorld({ server })
    await using foreign = await foreignServer(server, (_request, response) => void response.end())
    const refused = connect({ serverUrl: foreign.url, retryAttempts: 5, tls: world.tls, log: false })
    await expect(refused).rejects.toMatchObject({ code: 'SERVER_CERT_INVALID' })
    expect(foreign).toMatchObject({ connections: 1, requests: [] })
  })

  test('after a handshake that failed for good', async () => {
    await using world = await makeWorld()
    let connections = 0
    const plain = createServer((socket) => {
      connections++
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    const serverUrl = `https://localhost:${(plain.address() as { port: number }).port}/mcp`
    const failed = connect({ serverUrl, retryAttempts: 5, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'NOT_TLS' })
    expect(connections).toBe(1)
    plain.close()
  })
})

describe('between two tries', () => {
  test('the wait doubles up to five seconds, and a part of it is random', () => {
    expect([0, 1, 2, 3].map((attempt) => backoff(attempt, 1))).toEqual([100, 200, 400, 800])
    expect(backoff(20, 1)).toBe(5000)
    expect(backoff(3, 0.25)).toBe(200)
  })

  test('an abort ends the wait', async () => {
    const abort = new AbortController()
    const failing = withRetries(() => Promise.reject(new Error('lost')), {
      attempts: 1000,
      mayRetry: () => {
        setImmediate(() => abort.abort())
        return true
      },
      signals: [abort.signal],
    })
    await expect(failing).rejects.toThrow()
    expect(abort.signal.aborted).toBe(true)
  })
})
