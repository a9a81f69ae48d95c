import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { connect, MtlsError, mtlsFetch } from '../../src/client/index.js'
import { foreignServer, silentServer } from '../support/foreign-server.js'
import { forge, forgeCa } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { losingServer } from '../support/losing-server.js'
import { patience } from '../support/patience.js'
import { Script, slowServer } from '../support/slow-server.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

/** The code of what one request over `mtlsFetch` rejects with, and whether it was sent. */
async function fetched(world: World, url: string, options: Parameters<typeof mtlsFetch>[1] = {}) {
  const fetch = mtlsFetch(world.tls, options)
  try {
    return await told(Promise.resolve(fetch(url, { method: 'POST', body: '{}', redirect: 'follow' })))
  } finally {
    await fetch.close()
  }
}

async function told(action: Promise<unknown>): Promise<{ code: string; sent: MtlsError['sent'] }> {
  const error: unknown = await action.catch((reason: unknown) => reason)
  if (!(error instanceof MtlsError)) throw error
  return { code: error.code, sent: error.sent }
}

describe('`no`: no byte of the request was written', () => {
  test('nothing listens, over fetch and over connect', async () => {
    await using world = await makeWorld()
    const serverUrl = `https://localhost:${await freePort()}/mcp`
    const sent = { code: 'CONNECTION_FAILED', sent: 'no' }
    expect(await fetched(world, serverUrl)).toEqual(sent)
    expect(await told(connect({ serverUrl, retryAttempts: 0, tls: world.tls, log: false }))).toEqual(sent)
  })

  test('without TLS, nothing listens', async () => {
    const serverUrl = `http://localhost:${await freePort()}/mcp`
    const failed = connect({ serverUrl, useTls: false, retryAttempts: 0, log: false })
    expect(await told(failed)).toEqual({ code: 'CONNECTION_FAILED', sent: 'no' })
  })

  test('the handshake does not finish, or breaks', async () => {
    await using world = await makeWorld()
    await using silent = await silentServer()
    const late = await fetched(world, silent.url, { handshakeTimeout: 100 })
    expect(late).toEqual({ code: 'TLS_HANDSHAKE_TIMEOUT', sent: 'no' })
    const rude = createServer((socket) => socket.once('data', () => socket.destroy()))
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve))
    const { port } = rude.address() as { port: number }
    const broken = await fetched(world, `https://localhost:${port}/`)
    expect(broken).toEqual({ code: 'TLS_HANDSHAKE_FAILED', sent: 'no' })
    rude.close()
  })

  test('we refuse the server', async () => {
    const server = await forge({ issuer: await forgeCa(), usage: 'server' })
    await using world = await makeWorld({ server })
    await using foreign = await foreignServer(server, (_request, response) => void response.end())
    expect(await fetched(world, foreign.url)).toEqual({ code: 'SERVER_CERT_INVALID', sent: 'no' })
    expect(foreign.requests).toEqual([])
  })

  test('our own files are gone at the first request', async () => {
    await using world = await makeWorld()
    const fetch = mtlsFetch(world.tls)
    rmSync(join(world.certDir, 'client.key'))
    const failed = Promise.resolve(fetch('https://localhost:1/'))
    expect(await told(failed)).toEqual({ code: 'CERT_NOT_FOUND', sent: 'no' })
    await fetch.close()
  })

  test('the URL is none that may be called', async () => {
    await using world = await makeWorld()
    expect(await fetched(world, 'http://localhost:1/')).toEqual({ code: 'CONFIG_INVALID', sent: 'no' })
  })
})

describe('`maybe`: the server may have got the request', () => {
  test('it refuses our certificate', async () => {
    const client = await forge({ issuer: await forgeCa(), usage: 'client' })
    await using world = await makeWorld({ client })
    await using served = await serveTest({ tls: world.tls })
    expect(await fetched(world, served.server.url)).toEqual({ code: 'CLIENT_CERT_REJECTED', sent: 'maybe' })
  })

  test('the connection is lost under a call', async () => {
    await using world = await makeWorld()
    await using losing = await losingServer(world, 1)
    await using client = await connect({ serverUrl: losing.url, tls: world.tls, log: false })
    const lost = client.callTool({ name: 'plain', arguments: {} })
    expect(await told(lost)).toEqual({ code: 'CONNECTION_FAILED', sent: 'maybe' })
  })

  test('the connection is lost under a call, and there is none for the next try', async () => {
    await using world = await makeWorld()
    const losing = await losingServer(world, 1, () => void losing[Symbol.asyncDispose]())
    await using client = await connect({ serverUrl: losing.url, tls: world.tls, log: false })
    await client.listTools() // so that the client knows that it may repeat the call
    const lost = client.callTool({ name: 'idempotent', arguments: {} })
    expect(await told(lost)).toEqual({ code: 'CONNECTION_FAILED', sent: 'maybe' })
    expect(losing.calls.idempotent).toBe(1)
  })

  test('there is no connection for the second request of a call that the server has begun', async () => {
    await using world = await makeWorld()
    let rounds = 0
    const served = await serveTest({ tls: world.tls }, () => {
      const mcp = new McpServer({ name: 'asking', version: '1.0.0' })
      mcp.registerTool('ask', {}, () => {
        rounds++
        void served.server.close()
        return inputRequired({ requestState: 'begun' })
      })
      return mcp
    })
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    expect(await told(client.callTool({ name: 'ask' }))).toEqual({ code: 'CONNECTION_FAILED', sent: 'maybe' })
    expect(rounds).toBe(1)
  })

  test('no answer comes in time', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls }, () => slowServer(script))
    const options = { serverUrl: served.server.url, timeoutMs: await patience(), tls: world.tls } as const
    await using client = await connect({ ...options, log: false })
    const late = client.callTool({ name: 'wait', arguments: {} })
    expect(await told(late)).toEqual({ code: 'CONNECTION_TIMEOUT', sent: 'maybe' })
  })

  test('the answer is larger than it may be', async () => {
    await using world = await makeWorld()
    await using foreign = await foreignServer(world.server, (_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 0, result: { text: 'x'.repeat(5000) } }))
    })
    const failed = connect({ serverUrl: foreign.url, maxAnswerBytes: 1000, tls: world.tls, log: false })
    expect(await told(failed)).toEqual({ code: 'CONNECTION_FAILED', sent: 'maybe' })
  })

  test('it redirects, elsewhere or to where nothing listens any more', async () => {
    await using world = await makeWorld()
    await using foreign = await foreignServer(world.server, ({ url }, response) => {
      const away = url === '/away'
      const location = away ? 'https://localhost:1/' : '/gone'
      response.writeHead(307, { location, connection: 'close' }).end()
      if (!away) void foreign[Symbol.asyncDispose]()
    })
    const refused = { code: 'CONNECTION_FAILED', sent: 'maybe' }
    expect(await fetched(world, new URL('/away', foreign.url).href)).toEqual(refused)
    expect(await fetched(world, new URL('/back', foreign.url).href)).toEqual(refused)
    expect(foreign.requests).toEqual(['POST /away', 'POST /back'])
  })
})

test('JSON says it where it is known', () => {
  const known = new MtlsError('CONNECTION_FAILED', 'gone', { hint: 'Look.', sent: 'no' })
  expect(known.toJSON()).toEqual({ code: 'CONNECTION_FAILED', message: 'gone', hint: 'Look.', sent: 'no' })
  const other = new MtlsError('CONFIG_INVALID', 'wrong', { hint: 'Look.' })
  expect(JSON.stringify(other)).toBe('{"code":"CONFIG_INVALID","message":"wrong","hint":"Look."}')
  expect(Object.keys(other)).not.toContain('sent')
})
