import type { IncomingMessage, ServerResponse } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { Agent, type RequestInit, type Response, fetch as undiciFetch } from 'undici'
import { describe, expect, test } from 'vitest'
import { fetchWithinOrigin } from '../../src/client/fetch-within-origin.js'
import { foreignServer } from '../support/foreign-server.js'

// Requests of mere text do not go through undici's fetch; nobody should notice.

type Write = (response: ServerResponse, body: string, request: IncomingMessage) => unknown

const writing =
  (status: number, headers: Record<string, string | string[]>, body: string | Buffer = ''): Write =>
  (response) =>
    response.writeHead(status, headers).end(body)
const text = { 'content-type': 'text/plain' }
const large = 'x'.repeat(3_000_000)

const answers: Record<string, Write> = {
  'a text': writing(200, text, 'hällo'),
  nothing: writing(200, {}),
  'a large text': writing(200, text, large),
  'a text in pieces': (response) => {
    response.writeHead(200, text).write('a')
    setImmediate(() => response.end('b'))
  },
  'headers given twice': writing(200, { 'x-a': ['1', '2'], 'set-cookie': ['a=1', 'b=2'] }),
  'a header that is not ASCII': writing(200, { 'x-a': 'caf\u00e9' }),
  'a reason of its own': (response) => response.writeHead(200, 'As you like').end(),
  '201': writing(201, text, 'made'),
  '204': writing(204, {}),
  '205': writing(205, {}),
  '304': writing(304, { etag: '"1"' }),
  '400': writing(400, text, 'bad'),
  '404 without a body': writing(404, {}),
  '503': writing(503, { 'retry-after': '1' }, 'later'),
  '599': writing(599, text, 'none'),
  'hints before it': (response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' })
    response.end('then')
  },
  gzip: writing(200, { 'content-encoding': 'gzip' }, gzipSync(large)),
  GZIP: writing(200, { 'content-encoding': 'GZIP' }, gzipSync('a')),
  deflate: writing(200, { 'content-encoding': 'deflate' }, deflateSync('a')),
  'br over gzip': writing(200, { 'content-encoding': 'gzip, br' }, brotliCompressSync(gzipSync('a'))),
  'gzip that is cut': writing(200, { 'content-encoding': 'gzip' }, gzipSync('a'.repeat(100)).subarray(0, -4)),
  'gzip that is none': writing(200, { 'content-encoding': 'gzip' }, 'plain'),
  'an unknown coding': writing(200, { 'content-encoding': 'zap' }, 'plain'),
  'a body that breaks off': (response) => {
    response.writeHead(200, { 'content-length': 100 }).write('a', () => response.destroy())
  },
  'what was asked': (response, body, { method, url, headers }) => {
    const { host: _host, 'accept-encoding': _coding, connection: _connection, ...rest } = headers
    response.end(JSON.stringify({ method, url, headers: Object.entries(rest).sort(), body }))
  },
}

async function outcomeOf(fetched: Promise<Response>) {
  const response = await fetched
  const { status, statusText, ok, url, redirected, type, headers } = response
  const body = await response.text().catch(({ name, message }) => ({ name, message }))
  const received = [...headers].filter(([name]) => name !== 'date')
  return {
    status,
    statusText,
    ok,
    url,
    redirected,
    type,
    headers: received,
    body,
    bodyUsed: response.bodyUsed,
  }
}

const requests: Record<string, RequestInit> = {
  'a GET': {},
  'a POST': { method: 'POST', body: '{"a":"ä"}', headers: { 'content-type': 'application/json' } },
}

async function both(write: Write, path: string, init: RequestInit) {
  await using server = await foreignServer(undefined, (request, response, body) =>
    write(response, body, request),
  )
  const agent = new Agent()
  const url = new URL(path, server.url)
  const theirs = await outcomeOf(undiciFetch(url, { ...init, dispatcher: agent }))
  const ours = await outcomeOf(fetchWithinOrigin(agent, url, init))
  await agent.close()
  return { theirs, ours }
}

describe.each(Object.entries(requests))('%s', (_name, init) => {
  test.each(Object.entries(answers))('is answered as with undici’s fetch: %s', async (_answer, write) => {
    const { theirs, ours } = await both(write, '/a/b?c=ä#d', init)
    expect(ours).toEqual(theirs)
  })
})

test.each<[string, RequestInit]>([
  [
    'headers as a list',
    {
      headers: [
        ['X-A', '1'],
        ['x-a', '2'],
        ['accept', 'text/plain'],
      ],
    },
  ],
  ['headers as Headers', { headers: new Headers({ 'x-a': 'caf\u00e9' }) as never }],
  ['a text without a type', { method: 'POST', body: 'ä' }],
  ['a POST of nothing', { method: 'POST' }],
  ['an empty text', { method: 'POST', body: '' }],
  ['its own user agent', { headers: { 'User-Agent': 'me', accept: 'a/b' } }],
  ['a range', { headers: { range: 'bytes=0-1' } }],
  ['a condition', { headers: { 'if-none-match': '"1"' } }],
  ['bytes', { method: 'POST', body: Buffer.from('a') }],
  ['a DELETE', { method: 'DELETE' }],
])('is asked for as with undici’s fetch: %s', async (_name, init) => {
  const { theirs, ours } = await both(answers['what was asked'] as Write, '/a?', init)
  expect(ours).toEqual(theirs)
})

test.each<[string, RequestInit]>([
  ['a GET with a body', { body: 'a' }],
  ['a header that is none', { headers: { 'a b': '1' } }],
  ['a value that is none', { headers: { a: '1\n2' } }],
  ['a method that is forbidden', { method: 'TRACE' }],
  ['a signal that is none', { signal: {} as never }],
])('is refused as by undici’s fetch: %s', async (_name, init) => {
  const { message } = await undiciFetch('http://localhost:9', init).catch((error) => error)
  const agent = new Agent()
  const failure = await fetchWithinOrigin(agent, new URL('http://localhost:9'), init).catch((error) => error)
  expect(failure).toMatchObject({ name: 'TypeError', message })
})

test('an abort rejects with its reason: before it, before the answer, and in its body', async () => {
  await using server = await foreignServer(undefined, (request, response) => {
    if (request.url === '/body') response.writeHead(200).write('a')
  })
  const agent = new Agent()
  for (const path of ['/before', '/answer', '/body']) {
    const abort = new AbortController()
    const reason = new Error(path)
    if (path === '/before') abort.abort(reason)
    const fetched = fetchWithinOrigin(agent, new URL(path, server.url), { signal: abort.signal })
    if (path === '/answer') await expect.poll(() => server.requests).toContain('GET /answer')
    const failed = path === '/body' ? (await fetched).text() : fetched
    abort.abort(reason)
    await expect(failed).rejects.toBe(reason)
  }
  await agent.destroy()
})

test('a body that nobody wants ends its connection, and no more of it is taken than has room', async () => {
  let written = 0
  let closed = false
  await using server = await foreignServer(undefined, (_request, response) => {
    response.on('close', () => {
      closed = true
    })
    const more = () => {
      while (written < 500 && response.write(Buffer.alloc(100_000))) written++
    }
    response.on('drain', more)
    more()
  })
  const agent = new Agent()
  const { body } = await fetchWithinOrigin(agent, new URL(server.url), {})
  expect(written).toBeLessThan(500)
  await body?.cancel()
  await expect.poll(() => closed).toBe(true)
  expect(written).toBeLessThan(500)
  await agent.destroy()
})

test('a body in too many codings is refused', async () => {
  const codings = Array.from({ length: 6 }, () => 'gzip').join(', ')
  const write = writing(200, { 'content-encoding': codings }, 'plain')
  await using server = await foreignServer(undefined, (request, response, body) =>
    write(response, body, request),
  )
  const agent = new Agent()
  const fetched = fetchWithinOrigin(agent, new URL(server.url), {})
  await expect(fetched).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: expect.stringContaining('too many content-encodings'),
    sent: 'maybe',
  })
  await agent.destroy()
})
