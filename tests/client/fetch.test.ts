import { once } from 'node:events'
import { createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { connect, mtlsFetch } from '../../src/client/index.js'
import { runCli } from '../support/cli.js'
import { foreignServer } from '../support/foreign-server.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

/** Of those that the Fetch standard blocks; one that nobody has now. */
async function blockedPort(): Promise<number> {
  for (const port of [6000, 10080, 6667, 6697, 5061, 6566]) {
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
  throw new Error('every port that this test could take is in use')
}

describe('a port that the Fetch standard blocks', () => {
  test('is called with TLS as any other', async () => {
    await using world = await makeWorld()
    const port = await blockedPort()
    await using served = await serveTest({ tls: world.tls, tlsPort: port })
    expect(served.server.url).toBe(`https://localhost:${port}/mcp`)
    const client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
    await client.close()
    expect(served.calls).toEqual(['hello'])
    const fetch = mtlsFetch(world.tls)
    const url = new URL('/health?x=1', served.server.url)
    const response = await fetch(url)
    expect([response.status, response.url, response.redirected]).toEqual([200, url.href, false])
    await fetch.close()
    const tested = await runCli(['test-tls', served.server.url, '--cert-dir', world.certDir], {
      cwd: scratch(),
    })
    expect(tested).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('✓ tool call') })
  })

  test('and without', async () => {
    const port = await blockedPort()
    await using served = await serveTest({ tlsEnabled: false, httpPort: port })
    const client = await connect({ serverUrl: served.server.url, useTls: false, log: false })
    await client.callTool({ name: 'echo', arguments: { text: 'plain' } })
    await client.close()
    expect(served.calls).toEqual(['plain'])
  })
})

test('the Host header names the port', async () => {
  await using world = await makeWorld()
  await using foreign = await foreignServer(world.server, ({ headers }, response) => {
    response.end(headers.host)
  })
  const fetch = mtlsFetch(world.tls)
  expect(await (await fetch(foreign.url)).text()).toBe(`localhost:${foreign.port}`)
  await fetch.close()
})

describe('a redirect within the origin', () => {
  /** Answers `/mcp` with a redirect, anything else with what was asked. */
  const redirecting = (
    world: Awaited<ReturnType<typeof makeWorld>>,
    status: number,
    location: (port: number) => string,
  ) => {
    const foreign = foreignServer(world.server, async ({ url, method, headers }, response, body) => {
      const { port } = await foreign
      if (url === '/mcp') response.writeHead(status, { location: location(port) }).end('moved')
      else response.end(JSON.stringify({ url, method, body, type: headers['content-type'] ?? null }))
    })
    return foreign
  }

  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'DELETE', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
    [302, 'DELETE', 'DELETE'],
  ])('%i of a %s becomes a %s', async (status, method, becomes) => {
    await using world = await makeWorld()
    await using foreign = await redirecting(world, status, (port) => `https://localhost:${port}/there`)
    const fetch = mtlsFetch(world.tls)
    const init = { method, body: '{}', headers: { 'content-type': 'application/json' } }
    const response = await fetch(foreign.url, init)
    const same = method === becomes
    expect(await response.json()).toEqual({
      url: '/there',
      method: becomes,
      body: same ? '{}' : '',
      type: same ? 'application/json' : null,
    })
    expect([response.redirected, response.url]).toEqual([true, new URL('/there', foreign.url).href])
    await fetch.close()
  })

  test('is shown as it is to who follows by hand, and an error to who wants none', async () => {
    await using world = await makeWorld()
    await using foreign = await redirecting(world, 307, () => '/there')
    const fetch = mtlsFetch(world.tls)
    const response = await fetch(foreign.url, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([307, '/there'])
    expect(await response.text()).toBe('moved')
    await expect(fetch(foreign.url, { redirect: 'error' })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/^unexpected redirect: https:\/\/localhost:\d+ sends/),
      sent: 'maybe',
    })
    await fetch.close()
  })

  test('to itself ends', async () => {
    await using world = await makeWorld()
    await using foreign = await redirecting(world, 307, () => '/mcp')
    const fetch = mtlsFetch(world.tls)
    await expect(fetch(foreign.url)).rejects.toThrow(/redirects more than 20 times/)
    await fetch.close()
    expect(foreign.requests).toHaveLength(21)
  })

  test('of a stream is refused: it was read already', async () => {
    await using world = await makeWorld()
    await using foreign = await redirecting(world, 307, () => '/there')
    const fetch = mtlsFetch(world.tls)
    const body = new Blob(['once']).stream()
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    await expect(fetch(foreign.url, init)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(foreign.requests).toEqual(['POST /mcp'])
    await fetch.close()
  })
})

test('headers keep what is not ASCII', async () => {
  await using world = await makeWorld()
  await using foreign = await foreignServer(world.server, (_request, response) => {
    response.writeHead(200, { 'x-name': 'Zürich' }).end()
  })
  const fetch = mtlsFetch(world.tls)
  expect((await fetch(foreign.url)).headers.get('x-name')).toBe('Zürich')
  await fetch.close()
})

test('bodies stream both ways, and are decompressed', async () => {
  await using world = await makeWorld()
  await using foreign = await foreignServer(world.server, (_request, response, body) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(`got ${body}`))
  })
  const fetch = mtlsFetch(world.tls)
  const body = new Blob(['a stream']).stream()
  const response = await fetch(foreign.url, { method: 'POST', body, duplex: 'half' } as RequestInit)
  expect(await response.text()).toBe('got a stream')
  await fetch.close()
})

test('an abort ends a body that is being read', async () => {
  await using world = await makeWorld()
  await using foreign = await foreignServer(
    world.server,
    (_request, response) => void response.write('begun'),
  )
  const fetch = mtlsFetch(world.tls)
  const controller = new AbortController()
  const response = await fetch(foreign.url, { signal: controller.signal })
  const rest = response.text()
  controller.abort(new Error('enough'))
  await expect(rest).rejects.toThrow(/enough|abort/)
  await fetch.close()
})

test.each([
  ['http://localhost/mcp', /never falls back to plaintext/],
  ['localhost:8443', /did you mean https:\/\/localhost:8443\/mcp\?/],
  ['https://agent:hunter2@localhost/mcp', /may hold no user/],
])('%s is refused before a connection is opened', async (url, message) => {
  await using world = await makeWorld()
  const fetch = mtlsFetch(world.tls)
  const error: Error = await fetch(url).then(
    () => expect.unreachable(),
    (thrown) => thrown,
  )
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) })
  expect(error.message).not.toMatch(/hunter2/)
  await fetch.close()
})
