import type { IncomingMessage, ServerResponse } from 'node:http'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'
import { makeWorld } from '../support/world.js'

interface Asked {
  readonly id: number
  readonly method: string
}
type Answer = (asked: Asked, response: ServerResponse, request: IncomingMessage) => void

const anySchema = { type: 'object' }
const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'hostile', version: '1' },
}

/** A server with one tool, `trap`: its output schema (or the JSON of it), and what it answers to a call. */
async function hostileServer(
  world: Awaited<ReturnType<typeof makeWorld>>,
  outputSchema: object | string,
  call: Answer,
) {
  return foreignServer(world.server, (request, response, body) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const asked = JSON.parse(body)
    if (asked.id === undefined) return void response.writeHead(202).end()
    if (asked.method === 'initialize') return answer(response, asked, initialized)
    if (asked.method === 'tools/list') {
      const schema = typeof outputSchema === 'string' ? outputSchema : JSON.stringify(outputSchema)
      const listed = result(asked, { tools: [{ name: 'trap', inputSchema: anySchema, outputSchema: '?' }] })
      return void response.writeHead(200, json).end(listed.replace('"?"', () => schema))
    }
    if (asked.method === 'tools/call') return call(asked, response, request)
    const error = { code: -32601, message: 'no such method' }
    response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, error }))
  })
}

const json = { 'content-type': 'application/json' }
const result = ({ id }: Asked, value: object) => JSON.stringify({ jsonrpc: '2.0', id, result: value })
function answer(response: ServerResponse, asked: Asked, value: object) {
  response.writeHead(200, json).end(result(asked, value))
}
const structured = (structuredContent: object) => ({ content: [], structuredContent })

/** What a call of the tool comes to. */
async function calling(outputSchema: object | string, call: Answer, options: object = {}): Promise<unknown> {
  await using world = await makeWorld()
  await using server = await hostileServer(world, outputSchema, call)
  await using client = await connect({ serverUrl: server.url, tls: world.tls, log: false, ...options })
  const called = client.listTools().then(() => client.callTool({ name: 'trap', arguments: {} }))
  return await called.catch((error: unknown) => error)
}

describe('the schema of a server', () => {
  const deep = `${'{"type":"object","properties":{"a":'.repeat(50_000)}{}${'}}'.repeat(50_000)}`
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, level) => [
      `d${level}`,
      { allOf: [{ $ref: `#/$defs/d${level + 1}` }, { $ref: `#/$defs/d${level + 1}` }] },
    ]),
  )
  const cases: [string, object | string, object][] = [
    [
      'a pattern that backtracks',
      { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
      { a: `${'a'.repeat(50)}!` },
    ],
    [
      'uniqueItems over many objects',
      { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } },
      { a: Array.from({ length: 30_000 }, (_, n) => ({ n })) },
    ],
    ['properties nested 50,000 deep', deep, { a: 1 }],
    [
      'references that double',
      { type: 'object', $defs: { ...doubling, d40: { type: 'object' } }, $ref: '#/$defs/d0' },
      { a: 1 },
    ],
    [
      'a pattern that is none',
      { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
      { a: 'a' },
    ],
    ['a dialect that nobody knows', { $schema: 'http://example.com/x', type: 'object' }, { a: 1 }],
  ]
  test.each(cases)('%s is an error, and the process is free again', async (_, schema, content) => {
    const error = await calling(schema, (asked, response) => answer(response, asked, structured(content)))
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toMatch(/structured content|schema|nested too deep/i)
    expect((error as Error).message.length).toBeLessThan(1500)
  })

  test('is heeded where it is honest, and another that bears the same $id is not taken for it', async () => {
    const schema = (type: string) => ({ $id: 'https://x/s', type: 'object', properties: { a: { type } } })
    const say =
      (value: unknown): Answer =>
      (asked, response) =>
        answer(response, asked, structured({ a: value }))
    expect(await calling(schema('string'), say('text'))).toMatchObject({ structuredContent: { a: 'text' } })
    expect(await calling(schema('number'), say(7))).toMatchObject({ structuredContent: { a: 7 } })
    expect(await calling(schema('number'), say('text'))).toMatchObject({
      message: expect.stringMatching(/does not match .*must be number/),
    })
  })

  test('that was too costly once is not tried again, and others are checked as ever', async () => {
    await using world = await makeWorld()
    const trap = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } }
    const content = { a: `${'a'.repeat(50)}!` }
    await using server = await hostileServer(world, trap, (asked, response) =>
      answer(response, asked, structured(content)),
    )
    await using client = await connect({ serverUrl: server.url, tls: world.tls, log: false })
    await client.listTools()
    const call = () => client.callTool({ name: 'trap', arguments: {} }).catch((error: Error) => error.message)
    for (let times = 0; times < 20; times++) expect(await call()).toMatch(/could not be checked/)
    expect(
      await calling({ type: 'object' }, (asked, response) => answer(response, asked, structured({}))),
    ).toEqual(expect.objectContaining({ structuredContent: {} }))
  })
})

describe('an answer without end', () => {
  const limit = { maxAnswerBytes: 1024 * 1024 }
  const tooLarge = {
    code: 'CONNECTION_FAILED',
    message: expect.stringMatching(/^the server at localhost:\d+ sent an answer of more than 1048576 bytes$/),
    hint: expect.stringContaining('MAX_ANSWER_BYTES'),
  }
  const bomb = (asked: Asked) =>
    result(asked, { content: [{ type: 'text', text: '0'.repeat(64 * 1024 * 1024) }] })
  /** Writes a chunk for as long as somebody reads; says how much was taken. */
  const flood = (response: ServerResponse, chunk: string) => {
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', more)
    more()
  }
  const cases: [string, Answer][] = [
    [
      'gzip',
      (asked, response) =>
        response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(bomb(asked))),
    ],
    [
      'brotli',
      (asked, response) =>
        response.writeHead(200, { ...json, 'content-encoding': 'br' }).end(brotliCompressSync(bomb(asked))),
    ],
    [
      'gzip in gzip, with a length',
      (asked, response) => {
        const body = gzipSync(gzipSync(bomb(asked)))
        response
          .writeHead(200, { ...json, 'content-encoding': 'gzip, gzip', 'content-length': body.length })
          .end(body)
      },
    ],
    ['JSON', (_, response) => flood(response.writeHead(200, json), '[1,'.repeat(10_000))],
    [
      'announced JSON',
      (_, response) =>
        flood(response.writeHead(200, { ...json, 'content-length': 1e12 }), '[1,'.repeat(10_000)),
    ],
    [
      'one event',
      (_, response) =>
        flood(
          response.writeHead(200, { 'content-type': 'text/event-stream' }),
          `data: ${'x'.repeat(10_000)}\n`,
        ),
    ],
    [
      'one line of an event',
      (_, response) =>
        flood(response.writeHead(200, { 'content-type': 'text/event-stream' }), 'x'.repeat(10_000)),
    ],
    [
      'the text of an error',
      (_, response) => flood(response.writeHead(500, { 'content-type': 'text/plain' }), 'x'.repeat(10_000)),
    ],
    [
      'the events of an error',
      (_, response) =>
        flood(response.writeHead(500, { 'content-type': 'text/event-stream' }), 'data: x\n\n'.repeat(1000)),
    ],
    [
      'a page of nginx',
      (_, response) => flood(response.writeHead(418, { 'content-type': 'text/html' }), 'x'.repeat(10_000)),
    ],
  ]
  test.each(cases)('%s: is cut at the limit, with its code, and closed', async (_, call) => {
    let closed = Promise.resolve()
    const error = await calling(
      anySchema,
      (asked, response, request) => {
        closed = new Promise((resolve) => response.on('close', resolve))
        call(asked, response, request)
      },
      limit,
    )
    expect(error).toMatchObject(tooLarge)
    await closed
  })

  test('a stream whose events are short may be as long as it likes', async () => {
    const text = 'y'.repeat(100_000)
    const found = await calling(
      anySchema,
      (asked, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const note = {
          jsonrpc: '2.0',
          method: 'notifications/message',
          params: { level: 'info', data: text },
        }
        for (let n = 0; n < 30; n++) response.write(`event: message\r\ndata: ${JSON.stringify(note)}\r\n\r\n`)
        response.end(`data: ${result(asked, structured({}))}\n\n`)
      },
      limit,
    )
    expect(found).toMatchObject({ structuredContent: {} })
  })

  test('an answer of exactly the limit is read', async () => {
    const found = await calling(
      anySchema,
      (asked, response) => {
        const body = result(asked, structured({})).padEnd(limit.maxAnswerBytes)
        response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(body))
      },
      limit,
    )
    expect(found).toMatchObject({ structuredContent: {} })
  })

  test('the time limit holds while bytes drip', async () => {
    const found = await calling(
      anySchema,
      (_, response) => {
        response.writeHead(200, json)
        const drip = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(drip))
      },
      { timeoutMs: 1500 },
    )
    expect(found).toMatchObject({ code: 'CONNECTION_TIMEOUT' })
  })
})
