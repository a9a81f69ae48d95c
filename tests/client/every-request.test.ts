import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SdkErrorCode } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { connect, type MtlsClient, MtlsError } from '../../src/client/index.js'
import { serve } from '../../src/server/index.js'
import { patience } from '../support/patience.js'
import { Script, slowServer } from '../support/slow-server.js'
import { makeWorld, serveTest } from '../support/world.js'

interface Message {
  readonly id?: number
  readonly method: string
}

/** A client of a server on loopback that agrees on 2026-07-28, has everything, and answers the rest as `answer` does. */
async function clientOf(
  answer: (message: Message, response: ServerResponse) => void,
  timeoutMs = 30_000,
): Promise<{ readonly client: MtlsClient; readonly seen: string[]; stop(): void } & AsyncDisposable> {
  const seen: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const message: Message = body === '' ? { method: 'none' } : JSON.parse(body)
    seen.push(message.method)
    if (message.method !== 'server/discover') return answer(message, response)
    const result = {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} },
      serverInfo: { name: 'odd', version: '1.0.0' },
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  const client = await connect({ serverUrl, useTls: false, timeoutMs, retryAttempts: 0, log: false })
  return {
    client,
    seen,
    stop: () => void server.close(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await client.close()
      server.close()
    },
  }
}

const requests: Readonly<Record<string, (client: MtlsClient) => Promise<unknown>>> = {
  callTool: (client) => client.callTool({ name: 'any', arguments: {} }),
  listTools: (client) => client.listTools(),
  readResource: (client) => client.readResource({ uri: 'any:thing' }),
  listResources: (client) => client.listResources(),
  getPrompt: (client) => client.getPrompt({ name: 'any' }),
  complete: (client) =>
    client.complete({ ref: { type: 'ref/prompt', name: 'any' }, argument: { name: 'a', value: 'b' } }),
  discover: (client) => client.discover(),
}

describe('every request', () => {
  test.each(Object.keys(requests).filter((name) => name !== 'discover'))(
    '%s ends in time, and says `sent`',
    async (name) => {
      const timeoutMs = await patience()
      await using odd = await clientOf(() => {}, timeoutMs)
      const message = expect.stringContaining(`did not answer within ${timeoutMs} ms`)
      await expect(requests[name]?.(odd.client)).rejects.toMatchObject({
        code: 'CONNECTION_TIMEOUT',
        message,
        sent: 'maybe',
      })
    },
  )

  // The SDK knows without asking that there are no lists.
  test.each(Object.keys(requests).filter((name) => !/^list/.test(name)))(
    '%s on a client that is closed says that nothing was sent',
    async (name) => {
      await using odd = await clientOf(() => {})
      await odd.client.close()
      await expect(requests[name]?.(odd.client)).rejects.toMatchObject({ sent: 'no' })
    },
  )

  test.each(['callTool', 'readResource'])('%s with half an answer is a lost connection', async (name) => {
    await using odd = await clientOf((_message, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
      response.write('{', () => response.destroy())
    })
    await expect(requests[name]?.(odd.client)).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      sent: 'maybe',
    })
  })
})

describe('an error of the SDK keeps its code and says `sent`', () => {
  test('a status', async () => {
    await using odd = await clientOf((_message, response) => void response.writeHead(500).end('broken'))
    const error: unknown = await odd.client.callTool({ name: 'any' }).catch((reason: unknown) => reason)
    expect(error).not.toBeInstanceOf(MtlsError)
    expect(error).toMatchObject({ code: SdkErrorCode.ClientHttpNotImplemented, sent: 'maybe' })
  })

  test('what is no JSON', async () => {
    await using odd = await clientOf((_message, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')
    })
    await expect(odd.client.callTool({ name: 'any' })).rejects.toMatchObject({ sent: 'maybe' })
  })

  test('a close during the call', async () => {
    await using odd = await clientOf((message) => {
      if (message.method === 'tools/call') void odd.client.close()
    })
    await expect(odd.client.callTool({ name: 'any' })).rejects.toMatchObject({ sent: 'maybe' })
  })

  test('a call that the server refused once is not unsent when the next try finds nobody', async () => {
    await using odd = await clientOf(({ id }, response) => {
      const error = { code: -32020, message: 'header mismatch' }
      response.writeHead(400, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, error }))
      odd.stop()
    })
    await expect(odd.client.callTool({ name: 'any', arguments: {} })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      sent: 'maybe',
    })
  })
})

describe('what our own server refuses has its code', () => {
  test('a request too many', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const limits = { maxRequestsPerIdentity: 1 }
    await using served = await serveTest({ tls: world.tls, limits }, () => slowServer(script))
    await using client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    const first = client.callTool({ name: 'act', arguments: {} })
    await script.started.opened
    await expect(client.callTool({ name: 'act', arguments: {} })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringMatching(/refused this request: cn:mcp-client has as many requests at once/),
      hint: expect.stringMatching(/try again in a moment/),
      sent: 'maybe',
    })
    script.finish.open()
    await first
    expect(script.calls).toBe(1)
  })

  test('a host that it does not serve', async () => {
    await using world = await makeWorld()
    const script = new Script()
    const options = {
      name: 'elsewhere',
      tls: world.tls,
      allowedHosts: ['other.example'],
      log: false,
    } as const
    await using server = await serve(() => slowServer(script), options)
    const failed = connect({ serverUrl: server.url, tls: world.tls, log: false })
    await expect(failed).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', sent: 'maybe' })
  })
})
