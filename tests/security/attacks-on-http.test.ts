import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.js'
import { toolCall as callOf } from '../support/tool-call.js'
import { answerJson, exposed, plainServer } from '../support/upstream.js'
import { ask, httpText, mcpHeaders, openWire, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const head = [
  'POST /mcp HTTP/1.1',
  'Host: localhost',
  'Content-Type: application/json',
  `Accept: ${mcpHeaders.accept}`,
]
const call = toolCall('echo', { text: 'first' })
const hidden = httpText('/mcp', mcpHeaders, toolCall('echo', { text: 'hidden' }))
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const last = '0\r\n\r\n'
const length = (text: string) => `Content-Length: ${Buffer.byteLength(text)}`
const chunked = 'Transfer-Encoding: chunked'

/** Requests that two readers may end at different places; what the second one would take for a request is in each. */
const ambiguous: readonly (readonly [what: string, headers: readonly string[], body: string])[] = [
  ['a length beside chunks', [length(call), chunked], `${chunk(call)}${last}${hidden}`],
  ['chunks beside a length', [chunked, length(`${last}${hidden}`)], `${last}${hidden}`],
  ['two lengths', [length(call), length(call + hidden)], call + hidden],
  ['two lengths in one header', [`${length(call)}, ${call.length + hidden.length}`], call + hidden],
  ['a length with a sign', [length(call).replace(': ', ': +')], call + hidden],
  ['a length in another base', [`Content-Length: 0x${call.length.toString(16)}`], call + hidden],
  [
    'a space before the colon',
    [length(call), 'Transfer-Encoding : chunked'],
    `${chunk(call)}${last}${hidden}`,
  ],
  ['chunked and something else', ['Transfer-Encoding: chunked, identity'], `${chunk(call)}${last}${hidden}`],
  ['a coding that nobody knows', ['Transfer-Encoding: xchunked', length(call)], call + hidden],
  ['chunked in a folded line', ['Transfer-Encoding:\r\n chunked', length(call)], call + hidden],
  ['chunked behind a line feed alone', [`X-A: a\n${chunked}`, length(call)], call + hidden],
  ['chunked behind a carriage return alone', [`X-A: a\r${chunked}`, length(call)], call + hidden],
  ['chunked behind a null byte', [`X-A: a\0${chunked}`, length(call)], call + hidden],
  ['a size of a chunk with more behind it', [chunked], `1;a\nb\r\n{\r\n${last}${hidden}`],
  ['a size of a chunk that has no end', [chunked], `${'f'.repeat(17)}\r\n${call}${hidden}`],
  [
    'a chunk that ends with a line feed alone',
    [chunked],
    `${chunk(call).replace(/\r\n$/, '\n')}${last}${hidden}`,
  ],
]

describe('a request whose end is open to two readings', () => {
  test.each(ambiguous)('is refused, and its connection closed: %s', async (_what, headers, body) => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const wire = await openWire(served.server.url, world.certDir)
    wire.socket.write([...head, ...headers, '', body].join('\r\n'))
    const answers = [...(await wire.closed).matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)
    expect(answers).toEqual(['400'])
    expect(served.calls).toEqual([])
  })

  test.each(ambiguous)('never comes to a server behind expose: %s', async (_what, headers, body) => {
    await using world = await makeWorld()
    const plain = await plainServer((_request, response) => response.end('{}'))
    const { url } = await exposed(plain.url, world)
    const wire = await openWire(url, world.certDir)
    wire.socket.write([...head, ...headers, '', body].join('\r\n'))
    await wire.closed
    expect(plain.requests).toEqual([])
  })
})

test.each([
  '/admin',
  '/mcp/../admin',
  '/mcp/%2e%2e/admin',
  '/mcp%2f..%2fadmin',
  '/mcp\\..\\admin',
  '/mcp;/../admin',
  '//evil.example/mcp',
  'http://evil.example/mcp',
  'https://localhost/admin',
  '/mcp?x=/../../admin',
  '/mcp#/../admin',
  '*',
])('a server behind expose is asked for nothing but its own path: %s', async (target) => {
  await using world = await makeWorld()
  const plain = await plainServer(answerJson)
  const { url } = await exposed(plain.url, world)
  const wire = await openWire(url, world.certDir)
  const first = `POST ${target} HTTP/1.1`
  wire.socket.write([first, ...head.slice(1), length(call), 'Connection: close', '', call].join('\r\n'))
  expect(await wire.closed).toMatch(/^HTTP\/1\.1 [24]\d\d/)
  for (const request of plain.requests) {
    expect(request.url).toMatch(/^\/mcp(\?|$)/)
    expect(request.headers.host).toBe(`127.0.0.1:${plain.port}`)
  }
})

test.each([
  ['another name', { 'mcp-name': 'echo' }],
  ['another method', { 'mcp-method': 'tools/list' }],
  ['two names', { 'mcp-name': ['count', 'echo'] }],
  ['a name beside an escaped one', { 'mcp-name': '=?base64?ZWNobw==?=' }],
])('a call whose headers say %s than its body does not run', async (_what, other) => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { body, headers } = callOf('count', 'modern')
  const answer = await ask(served.server.url, world.certDir, { body, headers: { ...headers, ...other } })
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code: -32020 } })
  expect(served.calls).toEqual([])
  expect((await ask(served.server.url, world.certDir, { body, headers })).status).toBe(200)
  expect(served.calls).toEqual(['count'])
})

test('no answer is compressed, so that its length tells nothing of a secret in it (BREACH)', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const headers = { ...mcpHeaders, 'accept-encoding': 'gzip, deflate, br, zstd, *' }
  const text = 'a'.repeat(100_000)
  const answer = await ask(served.server.url, world.certDir, { headers, body: toolCall('echo', { text }) })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-encoding']).toBeUndefined()
  expect(answer.headers['transfer-encoding'] ?? 'identity').not.toMatch(/gzip|deflate|compress/)
  expect(answer.body).toContain(text)
})

test('a compressed request is not unpacked', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const body = gzipSync(toolCall('echo', { text: 'a'.repeat(500_000) }))
  const wire = await openWire(served.server.url, world.certDir)
  const headers = ['Content-Encoding: gzip', `Content-Length: ${body.length}`, 'Connection: close']
  wire.socket.write(Buffer.concat([Buffer.from([...head, ...headers, '', ''].join('\r\n')), body]))
  expect(await wire.closed).toMatch(/^HTTP\/1\.1 4\d\d/)
  expect(served.calls).toEqual([])
})

describe('keys of a caller', () => {
  test('change no object but their own', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    const polluting = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}'
    const bodies = [
      `{${polluting},"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"}}}`,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${polluting},"name":"echo","arguments":{"text":"b"}}}`,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{${polluting},"text":"c"}}}`,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{${polluting}},"arguments":{"text":"d"}}}`,
    ]
    const statuses: number[] = []
    for (const body of bodies) statuses.push((await ask(served.server.url, world.certDir, { body })).status)
    expect(statuses).toEqual([400, 200, 200, 200]) // beside those of JSON-RPC no key is taken
    expect(served.calls).toEqual(['b', 'c', 'd'])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(([] as unknown as { polluted?: number }).polluted).toBeUndefined()
  })

  test('that stand twice are read once, as one value, by all who look', async () => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, healthPort })
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"count","name":"echo","arguments":{"text":"a","text":"b"}}}'
    const answer = await ask(served.server.url, world.certDir, { body })
    expect(answer.status).toBe(200)
    expect(served.calls).toEqual(['b'])
    // What was counted is what has run.
    const { body: metrics } = await ask(`http://127.0.0.1:${healthPort}/metrics`, undefined)
    expect(metrics).toMatch(/tool="echo"/)
    expect(metrics).not.toMatch(/tool="count"/)
  })

  test('that every object has are no tools', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      const { status, body } = await ask(served.server.url, world.certDir, { body: toolCall(name) })
      expect(status).toBe(200)
      expect(body).toContain('"code":-32602')
    }
    expect(served.calls).toEqual([])
  })
})
