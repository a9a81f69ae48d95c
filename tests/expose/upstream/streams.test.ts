import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { initialize, openStream } from '../../support/raw-session.js'
import { answerJson, exposed, plainServer } from '../../support/upstream.js'
import { ask, httpText, mcpHeaders, openWire, toolCall } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

const answer = (id: unknown = 1, text = 'done') =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } })

/** A server whose answers to calls are streams, in the hands of the test. */
async function streamServer(
  begin: (response: ServerResponse, request: IncomingMessage, body: string) => void,
) {
  return plainServer((request, response, body) => {
    if (body !== '' && JSON.parse(body).method === 'initialize')
      return answerJson(request, response, body, { 'mcp-session-id': 'session' })
    if (request.method === 'DELETE') return void response.writeHead(200).end()
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    begin(response, request, body)
  })
}

/** The stream of one call, and the response behind it. */
async function oneCall(begin?: (response: ServerResponse) => void) {
  const world = await makeWorld()
  let behind: ServerResponse | undefined
  const plain = await streamServer((response) => {
    behind = response
    response.flushHeaders()
    begin?.(response)
  })
  const gate = await exposed(plain.url, world)
  const stream = await openStream(gate.url, world.certDir, mcpHeaders, toolCall('slow'))
  return {
    ...gate,
    stream,
    plain,
    behind: behind as ServerResponse,
    [Symbol.asyncDispose]: world[Symbol.asyncDispose],
  }
}

describe('a stream', () => {
  test('passes at once: its head, comments, and each event as soon as it is complete', async () => {
    await using called = await oneCall()
    const { stream, behind, ended, server } = called
    expect(stream.status).toBe(200)
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    expect(server.health().calls_in_flight).toBe(1)
    const parts = [': ping\r\n\r\n', 'retry: 9\n\n', 'id: 7\nevent: message\ndata: {"method":"x"}\n\n']
    let all = ''
    for (const part of parts) {
      behind.write(part)
      all += part
      await expect.poll(() => stream.text).toBe(all)
    }
    expect(ended).toEqual([])
    behind.end(`data: ${answer()}\n\n`)
    await stream.closed
    expect(stream.text).toBe(`${all}data: ${answer()}\n\n`)
    expect(ended).toEqual([{ what: 'slow', outcome: 'ok' }])
    expect(server.health().calls_in_flight).toBe(0)
  })

  test('holds half an event back, and what is half of a character', async () => {
    await using called = await oneCall()
    const { stream, behind, ended } = called
    const event = Buffer.from(`data: ${answer(1, 'Zoë 😀')}\r\n\r\n`)
    behind.write(': first\n\n')
    for (const byte of event.subarray(0, -1)) behind.write(Buffer.of(byte))
    behind.write(event.subarray(-1))
    await expect.poll(() => stream.text).toBe(`: first\n\n${event}`)
    expect(ended).toEqual([{ what: 'slow', outcome: 'ok' }])
  })

  test.each([
    ['error', { error: { code: 1, message: 'no' } }],
    ['error', { result: null }],
    ['tool_error', { result: { isError: true, content: [] } }],
    ['ok', { result: {} }],
  ])('tells the outcome of its call: %s', async (outcome, said) => {
    const event = `data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, ...said })}\n\n`
    await using called = await oneCall((response) => response.end(`data: no JSON\n\n${event}`))
    await called.stream.closed
    expect(called.stream.text).toBe(`data: no JSON\n\n${event}`)
    expect(called.ended).toEqual([{ what: 'slow', outcome }])
  })

  test('that ends without an answer ends with an error that says so', async () => {
    await using called = await oneCall((response) => response.end('data: {"method":"x"}\n\ndata: {"half'))
    const { stream, ended, plain } = called
    await stream.closed
    expect(stream.events.map(({ message }) => message)).toEqual([
      { method: 'x' },
      {
        jsonrpc: '2.0',
        id: 1,
        error: {
          code: -32010,
          message: `the server behind this one, ${plain.url}, ended without an answer; the call may have run`,
          data: { code: 'CONNECTION_FAILED', sent: 'maybe' },
        },
      },
    ])
    expect(ended).toEqual([{ what: 'slow', outcome: 'error' }])
  })

  test('that breaks where its client can come back just ends', async () => {
    await using world = await makeWorld()
    const plain = await streamServer((response) => {
      response.write('id: 1\ndata: {"method":"x"}\n\n', () => response.destroy())
    })
    const { url, ended } = await exposed(plain.url, world)
    await ask(url, world.certDir, { body: JSON.stringify(initialize()) })
    const named = { ...mcpHeaders, 'mcp-session-id': 'session' }
    const { body } = await ask(url, world.certDir, { headers: named, body: toolCall('slow') })
    expect(body).toBe('id: 1\ndata: {"method":"x"}\n\n')
    expect(ended).toEqual([{ what: 'initialize', outcome: 'ok' }])
    await ask(url, world.certDir, { method: 'DELETE', headers: named })
    expect(ended.slice(1)).toEqual([{ what: 'slow', outcome: 'error' }])
  })

  test('that its server ends for a while ends its call on the stream that resumes it', async () => {
    await using world = await makeWorld()
    const plain = await streamServer((response, request) => {
      if (request.method === 'POST') response.end('id: 1\nretry: 10\ndata:\n\n')
      else response.end(`id: 2\ndata: ${answer()}\n\n`)
    })
    const { url, ended, server } = await exposed(plain.url, world)
    await ask(url, world.certDir, { body: JSON.stringify(initialize()) })
    const named = { ...mcpHeaders, 'mcp-session-id': 'session' }
    const first = await ask(url, world.certDir, { headers: named, body: toolCall('slow') })
    expect(first.body).toBe('id: 1\nretry: 10\ndata:\n\n')
    expect(server.health().calls_in_flight).toBe(1)
    await ask(url, world.certDir, { headers: { ...named, 'last-event-id': '1' } })
    expect(ended.slice(1)).toEqual([{ what: 'slow', outcome: 'ok' }])
    expect(server.health().calls_in_flight).toBe(0)
  })

  test('ends behind when its client goes', async () => {
    await using called = await oneCall()
    const { stream, behind, ended, until } = called
    const closed = new Promise((resolve) => behind.once('close', resolve))
    stream.destroy()
    await closed
    await until(() => ended.length > 0)
    expect(ended).toEqual([{ what: 'slow', outcome: 'aborted' }])
  })

  test('that nobody reads is read no further, and arrives whole when it is read', async () => {
    await using world = await makeWorld()
    const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'x', params: { text: 'x'.repeat(100_000) } })}\n\n`
    const events = 1000
    let sent = 0
    let stuck: () => void = () => {}
    const isStuck = new Promise<void>((resolve) => {
      stuck = resolve
    })
    const plain = await streamServer((response) => {
      const send = () => {
        while (sent < events) {
          sent++
          if (!response.write(event)) {
            setTimeout(() => response.writableNeedDrain && stuck(), 500)
            return void response.once('drain', send)
          }
        }
        response.end(`data: ${answer()}\n\n`)
      }
      send()
    })
    const { url, ended } = await exposed(plain.url, world)
    const wire = await openWire(url, world.certDir)
    const body = toolCall('slow')
    wire.socket.pause()
    wire.socket.write(
      httpText('/mcp', { ...mcpHeaders, connection: 'close', 'content-length': String(body.length) }, body),
    )
    await isStuck
    expect(sent).toBeLessThan(events / 2)
    expect(ended).toEqual([])
    wire.socket.resume()
    const all = await wire.closed
    expect(all.match(/"method":"x"/g)).toHaveLength(events)
    expect(ended).toEqual([{ what: 'slow', outcome: 'ok' }])
  })

  test('has events of any size, to a limit', async () => {
    const text = 'é'.repeat(12_000_000)
    await using called = await oneCall((response) => response.end(`data: ${answer(1, text)}\n\n`))
    await called.stream.closed
    expect(called.stream.events[0]?.message).toEqual(JSON.parse(answer(1, text)))
    expect(called.ended).toEqual([{ what: 'slow', outcome: 'ok' }])
  })

  test('ends where one event is larger than that', async () => {
    const part = 'x'.repeat(1024 * 1024)
    await using called = await oneCall((response) => {
      response.write('data: ')
      const more = (left: number): void => {
        if (left > 0 && !response.destroyed) response.write(part, () => more(left - 1))
      }
      more(70)
    })
    await called.stream.closed
    expect(called.stream.events[0]?.message.error).toMatchObject({
      message: expect.stringContaining('answered with more than 67108864 bytes'),
    })
    expect(called.ended).toEqual([{ what: 'slow', outcome: 'error' }])
  })
})

describe('an answer in one piece', () => {
  test('may be large', async () => {
    await using world = await makeWorld()
    const text = 'é'.repeat(15_000_000)
    const plain = await plainServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer(1, text)),
    )
    const { url, ended } = await exposed(plain.url, world)
    expect((await ask(url, world.certDir, { body: toolCall('big') })).body).toBe(answer(1, text))
    expect(ended).toEqual([{ what: 'big', outcome: 'ok' }])
  })

  test('is a fault beyond 64 MiB', async () => {
    await using world = await makeWorld()
    const part = 'x'.repeat(1024 * 1024)
    const plain = await plainServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (left: number): void => {
        if (left === 0) response.end()
        else if (!response.destroyed) response.write(part, () => more(left - 1))
      }
      more(70)
    })
    const { url, ended } = await exposed(plain.url, world)
    const { status, body } = await ask(url, world.certDir, { body: toolCall('big') })
    expect(status).toBe(502)
    expect(JSON.parse(body)).toMatchObject({ id: 1, error: { code: -32010, data: { sent: 'maybe' } } })
    expect(ended).toEqual([{ what: 'big', outcome: 'error' }])
  })

  test('ends each call of a batch by what it says of it', async () => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify([
          { jsonrpc: '2.0', id: 'b', result: { isError: true } },
          { jsonrpc: '2.0', id: 'a', result: {} },
        ]),
      ),
    )
    const { url, ended } = await exposed(plain.url, world)
    const call = (id: string) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: id } })
    const body = JSON.stringify([call('a'), call('b'), call('c')])
    const headers = { ...mcpHeaders, 'mcp-protocol-version': '2025-03-26' }
    expect((await ask(url, world.certDir, { headers, body })).status).toBe(200)
    expect(ended).toEqual([
      { what: 'b', outcome: 'tool_error' },
      { what: 'a', outcome: 'ok' },
      { what: 'c', outcome: 'error' },
    ])
  })

  test.each([[400], [401], [404], [405], [406], [429], [500], [503]])(
    'passes with its status: %d',
    async (status) => {
      await using world = await makeWorld()
      const plain = await plainServer((_request, response) =>
        response
          .writeHead(status, { 'retry-after': '7', 'www-authenticate': 'Bearer', 'mcp-session-id': 's' })
          .end('words'),
      )
      const { url, ended } = await exposed(plain.url, world)
      const answered = await ask(url, world.certDir, { body: toolCall('a') })
      expect(answered).toMatchObject({
        status,
        body: 'words',
        headers: { 'retry-after': '7', 'www-authenticate': 'Bearer' },
      })
      expect(answered.headers).not.toHaveProperty('mcp-session-id') // an error opens no session
      expect(ended).toEqual([{ what: 'a', outcome: 'error' }])
    },
  )

  test.each([204, 205])('may have none: %d', async (status) => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) => response.writeHead(status).end())
    const { url } = await exposed(plain.url, world)
    const body = '{"jsonrpc":"2.0","method":"notifications/x"}'
    expect(await ask(url, world.certDir, { body })).toMatchObject({ status, body: '' })
  })

  test.each([
    ['nothing', 200, ''],
    ['nothing, 202', 202, ''],
    ['no JSON', 200, 'hello'],
    ['the answer to another call', 200, '{"jsonrpc":"2.0","id":77,"result":{}}'],
  ])('that is %s is no answer, and its client is told', async (_what, status, body) => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body),
    )
    const { url, ended } = await exposed(plain.url, world)
    const answer = await ask(url, world.certDir, { body: toolCall('a') })
    expect(answer.status).toBe(502)
    expect(JSON.parse(answer.body).error).toMatchObject({ code: -32010, data: { sent: 'maybe' } })
    expect(ended).toEqual([{ what: 'a', outcome: 'error' }])
  })

  test('that is an error of no request passes with its words; one that misses a call of a batch is filled up', async () => {
    await using world = await makeWorld()
    const words = '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"database away"}}'
    let body = words
    const plain = await plainServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(body),
    )
    const { url } = await exposed(plain.url, world)
    expect(await ask(url, world.certDir, { body: toolCall('a') })).toMatchObject({ status: 200, body: words })
    body = '[{"jsonrpc":"2.0","id":1,"result":{}}]'
    const batch = JSON.stringify([1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'ping' })))
    const headers = { ...mcpHeaders, 'mcp-protocol-version': '2025-03-26' }
    const answer = await ask(url, world.certDir, { headers, body: batch })
    expect(JSON.parse(answer.body)).toMatchObject([
      { id: 1, result: {} },
      { id: 2, error: { code: -32010, data: { sent: 'maybe' } } },
    ])
  })

  test.each([
    '[[{"jsonrpc":"2.0","id":1,"method":"tools/call"}]]',
    '[]',
    '1',
    'null',
    '"x"',
    '[1]',
    '{}',
    '{"jsonrpc":"2.0"}',
  ])('to a body that is no message, %s, is 400, and nothing passes', async (body) => {
    await using world = await makeWorld()
    const plain = await plainServer(() => expect.unreachable())
    const { url } = await exposed(plain.url, world)
    expect((await ask(url, world.certDir, { body })).status).toBe(400)
  })

  test('that begins with a byte order mark is the one answer', async () => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end('\ufeffdata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'),
    )
    const { url, ended } = await exposed(plain.url, world)
    const { body } = await ask(url, world.certDir, { body: toolCall('a') })
    expect(body.match(/"id"/g)).toHaveLength(1)
    expect(ended).toEqual([{ what: 'a', outcome: 'ok' }])
  })

  test.each([
    [
      'a redirect',
      307,
      { location: 'http://127.0.0.1:1/elsewhere' },
      'redirect (307), which is not followed',
    ],
    ['a compressed one', 200, { 'content-encoding': 'gzip' }, 'compressed'],
    ['a status that there is not', 999, {}, 'status 999'],
  ])('does not pass: %s', async (_, status, headers, words) => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) => response.writeHead(status, headers).end('x'))
    const { url, ended } = await exposed(plain.url, world)
    const answered = await ask(url, world.certDir, { body: toolCall('a') })
    expect(answered.status).toBe(502)
    expect(answered.headers).not.toHaveProperty('location')
    expect(JSON.parse(answered.body).error.message).toContain(words)
    expect(plain.requests).toHaveLength(1)
    expect(ended).toEqual([{ what: 'a', outcome: 'error' }])
  })
})

describe('a server that stops', () => {
  test('ends streams that wait for news, and lets calls have their answer', async () => {
    await using world = await makeWorld()
    let behind: ServerResponse | undefined
    const plain = await streamServer((response, request) => {
      response.write(': hello\n\n')
      if (request.method === 'POST') behind = response
    })
    const { url, server, ended } = await exposed(plain.url, world)
    await ask(url, world.certDir, { body: JSON.stringify(initialize()) })
    const named = { ...mcpHeaders, 'mcp-session-id': 'session' }
    const news = await openStream(url, world.certDir, named)
    const call = await openStream(url, world.certDir, named, toolCall('slow'))
    const closed = server.close({ drainTimeout: 60_000 })
    await news.closed
    behind?.end(`data: ${answer()}\n\n`)
    await closed
    expect(call.text).toContain('done')
    expect(ended.slice(1)).toEqual([{ what: 'slow', outcome: 'ok' }])
  })

  test('ends calls when the time is over, here and behind', async () => {
    await using called = await oneCall()
    const { stream, behind, server, ended } = called
    const closed = new Promise((resolve) => behind.once('close', resolve))
    await server.close({ drainTimeout: 1 })
    await Promise.all([closed, stream.closed])
    expect(ended).toEqual([{ what: 'slow', outcome: 'aborted' }])
  })
})
