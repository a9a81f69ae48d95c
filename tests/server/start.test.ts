import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { serve } from '../../src/server/index.js'
import { freePort } from '../support/free-port.js'
import { ask, toolCall } from '../support/wire.js'
import { makeWorld, serveTest, testServer } from '../support/world.js'

async function takenPort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

describe('a server does not start', () => {
  test('on a port that is in use', async () => {
    await using world = await makeWorld()
    await using taken = await takenPort()
    const started = serveTest({ tls: world.tls, tlsPort: taken.port })
    await expect(started).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `127.0.0.1:${taken.port} is in use by another program`,
      hint: expect.stringContaining('another port'),
    })
  })

  test('when its health port is in use; its MCP port is free again', async () => {
    await using world = await makeWorld()
    await using taken = await takenPort()
    const options = { name: 'half-started', tls: world.tls, tlsPort: await freePort() }
    const started = serveTest({ ...options, healthPort: taken.port })
    await expect(started).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    await using served = await serveTest(options)
    expect(served.server.port).toBe(options.tlsPort)
  })

  test('with one port for HTTP and TLS', async () => {
    await using world = await makeWorld()
    const started = serveTest({ tls: world.tls, tlsPort: 8443, httpPort: 8443 })
    await expect(started).rejects.toMatchObject({ code: 'PORT_CONFLICT' })
  })

  test('on an address this machine does not have', async () => {
    await using world = await makeWorld()
    const started = serveTest({ tls: world.tls, host: '192.0.2.1' })
    await expect(started).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('192.0.2.1'),
    })
  })

  test('with the name of one that runs in this process, however close they start', async () => {
    await using world = await makeWorld()
    const start = () => serve(() => testServer(), { name: 'twin', tlsPort: 0, tls: world.tls, log: false })
    const [first, second] = await Promise.allSettled([start(), start()])
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'CONFIG_INVALID' } })
    if (first.status === 'fulfilled') await first.value.close()
    const again = await start()
    await again.close()
  })

  test('with a certificate that does not load, and the name stays free', async () => {
    await using world = await makeWorld()
    const options = { name: 'unlucky', tlsPort: 0, log: false } as const
    const failed = serve(() => testServer(), {
      ...options,
      tls: { ...world.tls, serverKey: `${world.certDir}/client.key` },
    })
    await expect(failed).rejects.toMatchObject({ code: 'KEY_MISMATCH' })
    const server = await serve(() => testServer(), { ...options, tls: world.tls })
    await server.close()
  })
})

describe('without TLS', () => {
  test('it serves MCP on loopback, and nobody is identified', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
    expect(served.server.url).toMatch(/^http:\/\/localhost:\d+\/mcp$/)
    expect(served.server.health()).toMatchObject({ mode: 'plaintext', certificates: [] })
    await using client = await connect({ serverUrl: served.server.url, useTls: false, log: false })
    expect(await client.callTool({ name: 'who', arguments: {} })).toMatchObject({
      content: [{ text: 'null' }],
    })
    expect(client.connection()).toBeUndefined()
    expect(client.pool()).toBeUndefined()
  })

  test('a client certificate in a header identifies nobody either', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
    const headers = { 'x-client-cert': 'CN=admin', authorization: 'Bearer admin' }
    const { body } = await ask(served.server.url, undefined, { body: toolCall('who'), headers })
    expect(body).toContain('null')
    expect(body).not.toContain('admin')
  })

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.org'])('it does not listen on %s', async (host) => {
    const started = serveTest({ tlsEnabled: false, httpPort: 0, host })
    await expect(started).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('loopback'),
    })
  })

  test('a page of another site cannot reach it by a name of its own', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
    const body = toolCall('echo', { text: 'hello' })
    const host = await ask(served.server.url, undefined, { body, headers: { host: 'rebound.example' } })
    const origin = await ask(served.server.url, undefined, {
      body,
      headers: { origin: 'https://evil.example' },
    })
    expect([host.status, origin.status]).toEqual([403, 403])
    expect(served.calls).toEqual([])
  })
})

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)

test(`a server on ::1 is called by its address${hasIpv6 ? '' : ' (not run: this machine has no ::1)'}`, async () => {
  if (!hasIpv6) return
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, host: '::1' })
  const serverUrl = `https://[::1]:${served.server.port}/mcp`
  expect(served.server.url).toBe(serverUrl)
  await using client = await connect({ serverUrl, tls: world.tls, log: false })
  await client.callTool({ name: 'echo', arguments: { text: 'one' } })
  await client.callTool({ name: 'echo', arguments: { text: 'two' } })
  expect(client.connection()).toMatchObject({ state: 'verified', serverName: '::1' })
  expect(client.pool()).toMatchObject({ total: 1 })
})
