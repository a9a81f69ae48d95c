import { connect as connectPlain, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { connect, type MtlsError, mtlsFetch } from '../../src/client/index.js'
import { startNode } from '../support/cli.js'
import { foreignServer, silentServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { patience } from '../support/patience.js'
import { Script, slowServer } from '../support/slow-server.js'
import { makeWorld, serveTest } from '../support/world.js'

const code = (error: unknown) => (error as MtlsError).code

describe('no connection', () => {
  test('nobody listens: CONNECTION_FAILED names host and port', async () => {
    await using world = await makeWorld()
    const port = await freePort()
    const failed = connect({ serverUrl: `https://localhost:${port}/mcp`, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(`localhost:${port}`),
      hint: expect.stringContaining('server runs'),
    })
  })

  test('nobody takes the connection: CONNECTION_TIMEOUT', async () => {
    await using world = await makeWorld()
    // A listener that never accepts; once its queue is full, the system leaves further connections unanswered.
    const { printed } = startNode([fileURLToPath(new URL('fixtures/never-accepts.mjs', import.meta.url))])
    const [, port] = await printed(/port (\d+)/)
    const fillers = Array.from({ length: 8 }, () =>
      connectPlain(Number(port), '127.0.0.1').on('error', () => {}),
    )
    const fetch = mtlsFetch(world.tls, { connectTimeout: 500 })
    await expect(fetch(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({
      code: 'CONNECTION_TIMEOUT',
      message: `no connection to 127.0.0.1:${port} within 500 ms`,
    })
    await fetch.close()
    for (const filler of fillers) filler.destroy()
  })

  test('a host that does not exist: CONNECTION_FAILED', async () => {
    await using world = await makeWorld()
    const serverUrl = 'https://no-such-host.invalid/mcp'
    const failed = connect({ serverUrl, retryAttempts: 0, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('no-such-host.invalid'),
    })
  })

  test('a server that takes the connection and says nothing: TLS_HANDSHAKE_TIMEOUT', async () => {
    await using world = await makeWorld()
    await using silent = await silentServer()
    const fetch = mtlsFetch(world.tls, { handshakeTimeout: 100 })
    await expect(fetch(silent.url)).rejects.toMatchObject({
      code: 'TLS_HANDSHAKE_TIMEOUT',
      message: expect.stringContaining('within 100 ms'),
    })
    await fetch.close()
  })

  test('a server that hangs up in the handshake: TLS_HANDSHAKE_FAILED', async () => {
    await using world = await makeWorld()
    const server = createServer((socket) => socket.once('data', () => socket.destroy()))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const failed = connect({ serverUrl: `https://localhost:${port}/mcp`, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'TLS_HANDSHAKE_FAILED' })
    server.close()
  })

  test('https:// at a port of plain HTTP: NOT_TLS', async () => {
    await using world = await makeWorld()
    await using plain = await foreignServer(undefined, (_request, response) => void response.end('hello'))
    const serverUrl = plain.url.replace('http:', 'https:')
    const failed = connect({ serverUrl, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'NOT_TLS', hint: expect.stringContaining('https://') })
    expect(plain.requests).toEqual([])
  })

  test('http:// without TLS where nobody listens: CONNECTION_FAILED', async () => {
    const failed = connect({
      serverUrl: `http://localhost:${await freePort()}/mcp`,
      useTls: false,
      log: false,
    })
    await expect(failed).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })
})

describe('no answer', () => {
  test('a tool that takes too long: CONNECTION_TIMEOUT, and the tool is cancelled', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    const timeoutMs = await patience()
    await using client = await connect({
      serverUrl: served.server.url,
      timeoutMs,
      tls: world.tls,
      log: false,
    })
    const failed = client.callTool({ name: 'wait', arguments: {} })
    await expect(failed).rejects.toMatchObject({
      code: 'CONNECTION_TIMEOUT',
      message: expect.stringContaining(`${timeoutMs} ms`),
    })
    await script.aborted.opened
    expect(script.calls).toBe(1)
  })

  test('a server that came back while the call was tried again, and takes too long: CONNECTION_TIMEOUT', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const timeoutMs = 2 * (await patience())
    const options = { tls: world.tls, retryAttempts: 12, timeoutMs, log: false } as const
    const first = await serveTest({ tls: world.tls }, () => slowServer(script))
    await using client = await connect({ serverUrl: first.server.url, ...options })
    const { port } = first.server
    await first.server.close()
    const call = client.callTool({ name: 'wait', arguments: {} })
    call.catch(() => {})
    await using second = await serveTest({ tls: world.tls, tlsPort: port }, () => slowServer(script))
    await script.started.opened
    await expect(call).rejects.toMatchObject({
      code: 'CONNECTION_TIMEOUT',
      message: expect.stringContaining(`${timeoutMs}`),
    })
    expect(second.server.port).toBe(port)
  })

  test('a server that accepts and never answers: CONNECTION_TIMEOUT', async () => {
    await using world = await makeWorld()
    await using mute = await foreignServer(world.server, () => {})
    const failed = connect({ serverUrl: mute.url, timeoutMs: await patience(), tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'CONNECTION_TIMEOUT' })
  })

  test.each(['wait', 'progress'])('the server dies during %s: CONNECTION_FAILED, once', async (tool) => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    const failed = client.callTool({ name: tool === 'wait' ? 'act' : tool, arguments: {} })
    failed.catch(() => {})
    await script.started.opened
    await served.server.close({ drainTimeout: 0 })
    await expect(failed).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(script.calls).toBe(1)
  })

  test('the answer breaks off in its middle: CONNECTION_FAILED', async () => {
    await using world = await makeWorld()
    await using broken = await foreignServer(world.server, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      response.write('{"jsonrpc"')
      setImmediate(() => response.destroy())
    })
    const failed = connect({ serverUrl: broken.url, retryAttempts: 0, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  test('a caller that aborts gets its own reason, in a call and in connect', async () => {
    await using world = await makeWorld()
    await using mute = await foreignServer(world.server, () => abort.abort(new Error('enough')))
    const abort = new AbortController()
    const { signal } = abort
    const failed = connect({ serverUrl: mute.url, tls: world.tls, log: false, signal })
    await expect(failed).rejects.toThrow('enough')
    const fetch = mtlsFetch(world.tls)
    await expect(fetch(mute.url, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow('never')
    await fetch.close()
  })
})

describe('what is refused before anything is sent', () => {
  test.each([
    ['http://localhost:1/mcp', 'https://'],
    ['ftp://localhost/mcp', 'https://'],
  ])('%s while TLS is on', async (serverUrl, says) => {
    await using world = await makeWorld()
    const message = expect.stringContaining(says)
    const failed = connect({ serverUrl, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
    const fetch = mtlsFetch(world.tls)
    await expect(fetch(serverUrl)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
    await fetch.close()
  })

  test.each(['http://192.0.2.1/mcp', 'http://example.org/mcp', 'https://localhost/mcp'])(
    '%s without TLS',
    async (serverUrl) => {
      const failed = connect({ serverUrl, useTls: false, log: false })
      await expect(failed).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    },
  )

  test.each(['/mcp', 'zzz', '', 5, undefined])('what is no URL: %o', async (url) => {
    await using world = await makeWorld()
    const fetch = mtlsFetch(world.tls)
    await expect(fetch(url as string)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `"${url}": allowed are https:// URLs`,
      sent: 'no',
    })
    expect(fetch.connection(url as string)).toBeUndefined()
    await fetch.close()
  })
})

test('the codes of failures are the same over the bare fetch', async () => {
  await using world = await makeWorld()
  await using silent = await silentServer()
  const fetch = mtlsFetch(world.tls, { handshakeTimeout: 100 })
  expect(code(await Promise.resolve(fetch(silent.url)).catch((error: unknown) => error))).toBe(
    'TLS_HANDSHAKE_TIMEOUT',
  )
  const nobody = `https://localhost:${await freePort()}/`
  expect(code(await Promise.resolve(fetch(nobody)).catch((error: unknown) => error))).toBe(
    'CONNECTION_FAILED',
  )
  await fetch.close()
})
