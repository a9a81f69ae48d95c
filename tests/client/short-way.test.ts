import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'

type Era = '2026-07-28' | '2025-11-25'
type Write = (response: ServerResponse, id: number, era: Era) => void

const serverInfo = { name: 'any', version: '1.0.0' }
const capabilities = { tools: {}, logging: {} }

/** A right answer. */
const result = (id: number, era: Era, said = 'héllo') => ({
  jsonrpc: '2.0',
  id,
  result: {
    ...(era === '2026-07-28' && { resultType: 'complete' }),
    content: [{ type: 'text', text: said }],
  },
})
const note = {
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 'a note' },
}
const wrong = (id: number) => ({ jsonrpc: '2.0', id, error: { code: -32042, message: 'no', data: { a: 1 } } })

const send =
  (
    status: number,
    type: string | undefined,
    body: (id: number, era: Era) => string | Buffer,
    headers = {},
  ): Write =>
  (response, id, era) =>
    response.writeHead(status, { ...(type && { 'content-type': type }), ...headers }).end(body(id, era))
const json = (body: (id: number, era: Era) => unknown) =>
  send(200, 'application/json', (id, era) => JSON.stringify(body(id, era)))
const events = (body: (id: number, era: Era) => string) => send(200, 'text/event-stream', body)
const event = (message: unknown) => `event: message\ndata: ${JSON.stringify(message)}\n\n`

/** In pieces, each of which comes by itself. */
const inPieces =
  (size: number, body: (id: number, era: Era) => string): Write =>
  async (response, id, era) => {
    const bytes = Buffer.from(body(id, era))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let from = 0; from < bytes.length; from += size) {
      await new Promise((written) => response.write(bytes.subarray(from, from + size), written))
      await setImmediate()
    }
    response.end()
  }

const answers: Record<string, Write> = {
  JSON: json(result),
  'JSON with a charset': send(200, 'Application/JSON; charset=utf-8', (id, era) =>
    JSON.stringify(result(id, era)),
  ),
  'JSON after a byte order mark': send(
    200,
    'application/json',
    (id, era) => `\uFEFF${JSON.stringify(result(id, era))}`,
  ),
  'an error': json(wrong),
  'a list of messages': json((id, era) => [note, result(id, era)]),
  'no JSON': send(200, 'application/json', () => '{'),
  'no message': json((id) => ({ jsonrpc: '2.0', id, wrong: true })),
  'a message with more in it': json((id, era) => ({ ...result(id, era), more: 1 })),
  'a result that is none of a tool': json((id) => ({
    jsonrpc: '2.0',
    id,
    result: { resultType: 'complete', content: 1 },
  })),
  'a result of another kind': json((id) => ({
    jsonrpc: '2.0',
    id,
    result: { resultType: 'new', content: [] },
  })),
  'in gzip': send(200, 'application/json', (id, era) => gzipSync(JSON.stringify(result(id, era))), {
    'content-encoding': 'gzip',
  }),
  'in brotli and gzip': send(
    200,
    'application/json',
    (id, era) => gzipSync(brotliCompressSync(JSON.stringify(result(id, era)))),
    { 'content-encoding': 'br, gzip' },
  ),
  events: events((id, era) => event(note) + event(result(id, era))),
  'events without a kind': events((id, era) => `data:${JSON.stringify(result(id, era))}\n\n`),
  'events of another kind': events((id, era) => `event: other\ndata: {}\n\n${event(result(id, era))}`),
  'events with comments': events(
    (id, era) => `: first\n\n:\n${event(note)}${event(result(id, era))}: last\n\n`,
  ),
  'events with data in lines': events(
    (id, era) => `data: ${JSON.stringify(result(id, era), null, 1).replaceAll('\n', '\ndata: ')}\n\n`,
  ),
  'events with CRLF': events((id, era) => (event(note) + event(result(id, era))).replaceAll('\n', '\r\n')),
  'events with CR': events((id, era) => (event(note) + event(result(id, era))).replaceAll('\n', '\r')),
  'events with ids': events(
    (id, era) => `id: 1\ndata:\n\nid: 2\n${event(note)}id: 3\n${event(result(id, era))}`,
  ),
  'an id after a note': events((id, era) => `${event(note)}id: 3\n${event(result(id, era))}`),
  'events with a time to wait': events((id, era) => `retry: 5\n${event(result(id, era))}`),
  'events after a byte order mark': events((id, era) => `\uFEFF${event(result(id, era))}`),
  'events byte by byte': inPieces(1, (id, era) => event(note) + event(result(id, era))),
  'events with CRLF in pieces': inPieces(7, (id, era) =>
    (event(note) + event(result(id, era))).replaceAll('\n', '\r\n'),
  ),
  'events with ids in pieces': inPieces(5, (id, era) => `${event(note)}id: 3\n${event(result(id, era))}`),
  'an error among events': events((id) => event(wrong(id))),
  'no JSON among events': events((id, era) => `data: {\n\n${event(result(id, era))}`),
  'no message among events': events((id, era) => event({ a: 1 }) + event(result(id, era))),
  'a 400 with an error': send(400, 'application/json', (id) => JSON.stringify(wrong(id))),
  'a 400 with a text': send(400, 'text/plain', () => 'bad'),
  'a 404': send(404, 'application/json', () => 'nothing here'),
  'a 500': send(500, 'text/html', () => '<p>broken</p>'),
  'another type': send(200, 'text/plain', () => 'hello'),
  'no type': send(200, undefined, () => 'hello'),
  'a redirect to itself': send(307, undefined, () => '', { location: '/again' }),
}

/** Answers calls in this way; and collects what it was asked with. */
async function answering(era: Era, write: Write, requests: { headers: object; body: unknown }[] = []) {
  return foreignServer(undefined, (request: IncomingMessage, response, body) => {
    if (request.method !== 'POST') return response.writeHead(405).end()
    const { id, method, params } = JSON.parse(body)
    if (id === undefined) return response.writeHead(202).end()
    const give = (given: object) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...given }))
    if (method === 'initialize')
      return give({ result: { protocolVersion: '2025-11-25', capabilities, serverInfo } })
    if (method === 'server/discover' && era === '2026-07-28')
      return give({
        result: {
          resultType: 'complete',
          supportedVersions: [era],
          capabilities,
          ttlMs: 0,
          cacheScope: 'private',
        },
      })
    if (method !== 'tools/call') return give({ error: { code: -32601, message: 'no such method' } })
    requests.push({ headers: request.headers, body: { id, params } })
    // What a redirect leads to is answered.
    return request.url === '/again' ? give({ result: result(id, era).result }) : write(response, id, era)
  })
}

/** What comes of a call by this client: its result or its error, and the notes that came with it. */
async function outcomeOf(client: Client, name: string) {
  const notes: unknown[] = []
  client.setNotificationHandler('notifications/message', ({ params }) => void notes.push(params.data))
  const outcome = await client
    .callTool({ name, arguments: { text: 'ä' } }, { timeout: 1000 })
    .then((value) => ({ value }))
    .catch((error) => ({ error: kindOf(error) }))
  await client.close()
  return { ...outcome, notes }
}

/** What is in an error, but for what ours say in their own words on purpose. */
function kindOf({ name, code, message, data }: Error & { code?: unknown; data?: unknown }) {
  const isTimeout = code === 'REQUEST_TIMEOUT' || code === 'CONNECTION_TIMEOUT'
  if (isTimeout) return 'no answer in time'
  return { name, code, message: message.replace(/localhost:\d+/g, 'HOST'), data }
}

async function stock(url: string, era: Era): Promise<Client> {
  const client = new Client(
    { name: 'mcp-mtls', version: '1.0.0' },
    { versionNegotiation: { mode: era === '2026-07-28' ? 'auto' : 'legacy' } },
  )
  // It follows no redirect unless told; ours does within the origin.
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { redirectPolicy: 'follow' }))
  return client
}

const ours = (serverUrl: string) =>
  connect({ serverUrl, useTls: false, log: false, clientInfo: { name: 'mcp-mtls', version: '1.0.0' } })

describe.each(['2026-07-28', '2025-11-25'] as const)('in revision %s', (era) => {
  describe('a call is answered as by the SDK’s own transport, when the answer is', () => {
    test.each(Object.entries(answers))('%s', async (_name, write) => {
      await using server = await answering(era, write)
      const [theirs, our] = await Promise.all([
        stock(server.url, era).then((client) => outcomeOf(client, 'echo')),
        ours(server.url).then((client) => outcomeOf(client, 'echo')),
      ])
      expect(our).toEqual(theirs)
    })
  })

  test.each(['', 'id: 1\n'])(
    'progress that comes in one piece with the answer is told first (%j)',
    async (before) => {
      const steps = [1, 2].map((progress) => ({ progress, total: 2 }))
      await using server = await answering(
        era,
        events((id, era) =>
          [
            ...steps.map((step) => ({
              jsonrpc: '2.0',
              method: 'notifications/progress',
              params: { progressToken: id, ...step },
            })),
            result(id, era),
          ]
            .map((message) => before + event(message))
            .join(''),
        ),
      )
      await using client = await ours(server.url)
      const told: unknown[] = []
      const called = await client.callTool(
        { name: 'echo', arguments: {} },
        { onprogress: (step) => void told.push(step) },
      )
      expect(called).toMatchObject({ content: [{ text: 'héllo' }] })
      expect(told).toEqual(steps)
    },
  )

  test.each(['echo', 'echo with spaces', 'écho', ' echo', '=?base64?ZWNobw==?=', ''])(
    'a call of %j is asked for as by the SDK’s own transport',
    async (name) => {
      const requests: { headers: object; body: unknown }[] = []
      await using server = await answering(era, json(result), requests)
      await outcomeOf(await stock(server.url, era), name)
      await outcomeOf(await ours(server.url), name)
      const [theirs, our] = requests.map(({ headers, body }) => ({
        // Those of `fetch`, of which each version has its own.
        headers: Object.fromEntries(
          Object.entries(headers).filter(
            ([header]) => !/^(user-agent|accept-encoding|connection|host)$/.test(header),
          ),
        ),
        body,
      }))
      expect(our?.headers).toEqual({ ...theirs?.headers, 'content-length': expect.any(String) })
      expect(our?.body).toMatchObject({ params: { name } })
    },
  )
})

test('an event that is too long is refused, however it comes', async () => {
  const long = (id: number, era: Era) => event(result(id, era, 'x'.repeat(20_000)))
  for (const write of [
    events(long),
    inPieces(4096, long),
    inPieces(4096, (id, era) => `id: 1\n${long(id, era)}`),
  ]) {
    await using server = await answering('2026-07-28', write)
    const client = await connect({ serverUrl: server.url, useTls: false, log: false, maxAnswerBytes: 10_000 })
    await expect(client.callTool({ name: 'echo', arguments: {} })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('more than 10000 bytes'),
      sent: 'maybe',
    })
    await client.close()
  }
})

test('after the answer, an event with an id is read, and nothing is asked for again', async () => {
  const write = events((id, era) => `${event(result(id, era))}id: 3\nretry: 1\n${event(note)}`)
  await using server = await answering('2025-11-25', write)
  const client = await ours(server.url)
  const noted = new Promise((resolve) => client.setNotificationHandler('notifications/message', resolve))
  await client.callTool({ name: 'echo', arguments: {} })
  await noted
  await client.close()
  expect(server.requests.filter((request) => request.startsWith('GET'))).toHaveLength(1) // that of its beginning
})
