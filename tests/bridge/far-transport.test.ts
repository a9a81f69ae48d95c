import type { ServerResponse } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { FarTransport } from '../../src/bridge/far-transport.js'
import { plainFetch } from '../../src/client/fetch.js'
import type { Message } from '../support/compare/clients.js'
import { foreignServer } from '../support/foreign-server.js'

type Answers = (message: Message & { verb: string }, response: ServerResponse) => void

const json = (response: ServerResponse, message: object, status = 200, headers = {}) =>
  void response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ jsonrpc: '2.0', ...message }))
const events = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })

const opening = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'a-client', version: '1' },
}

/** A transport to a server that answers as the test says, without TLS. */
async function made(answers: Answers, isModern = false) {
  const server = await foreignServer(undefined, ({ method: verb = '' }, response, body) =>
    answers({ verb, ...JSON.parse(body || '{}') }, response),
  )
  onTestFinished(() => server[Symbol.asyncDispose]())
  const far = new FarTransport({
    url: new URL(server.url),
    fetch: plainFetch(),
    isModern,
    retryAttempts: 0,
    maxAnswerBytes: 1e6,
  })
  const came: Message[] = []
  const state = { closed: 0 }
  far.onmessage = (message) => void came.push(message)
  far.onclose = () => state.closed++
  await far.start()
  onTestFinished(() => far.close())
  const send = (message: Message) => far.send({ jsonrpc: '2.0', ...message } as never)
  const ask = async (method: string, id: number | string = method) => {
    await send({ id, method, ...(method === 'initialize' && { params: opening }) })
    await expect.poll(() => came.some((message) => message.id === id)).toBe(true)
    return came.findLast((message) => message.id === id)
  }
  const answersTo = (id: unknown) => came.filter((message) => message.id === id)
  return { far, came, state, send, ask, answersTo, requests: server.requests }
}

test.each<[string, Answers]>([
  ['a stream without an answer', (_message, response) => events(response).end(': nothing\n\n')],
  [
    'a stream that breaks',
    (_message, response) => void events(response).write('data: {"a"', () => response.destroy()),
  ],
  ['no content', (_message, response) => void response.writeHead(202).end()],
  [
    'half of JSON',
    (_message, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc"'),
  ],
  ['the answer to another request', (_message, response) => json(response, { id: 'other', result: {} })],
  [
    'a page',
    (_message, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
  ],
  ['a failure', (_message, response) => void response.writeHead(500).end('no')],
  ['a reset', (_message, response) => void response.destroy()],
])('a request that is answered by %s fails once, and may have run', async (_what, answers) => {
  const { ask, answersTo, state } = await made(answers)
  expect(await ask('tools/list')).toMatchObject({ error: { code: -32010, data: { sent: 'maybe' } } })
  expect(answersTo('tools/list')).toHaveLength(1)
  expect(state.closed).toBe(0)
})

test('an error of JSON-RPC is the answer, whatever the status', async () => {
  const { ask } = await made((_message, response) =>
    json(response, { id: null, error: { code: -32602, message: 'not so' } }, 400),
  )
  expect(await ask('tools/list')).toEqual({
    jsonrpc: '2.0',
    id: 'tools/list',
    error: { code: -32602, message: 'not so' },
  })
})

const session = { 'mcp-session-id': 'one' }
const initialized = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  serverInfo: { name: 'x', version: '1' },
}

test.each([
  [404, 'Not found'],
  [
    400,
    '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}',
  ],
])(
  'a session that the server does not know any more (%s) has not run anything, and is over',
  async (status, text) => {
    const { ask, send, answersTo, state, requests } = await made(({ method, id }, response) => {
      if (method === 'initialize') return json(response, { id, result: initialized }, 200, session)
      response.writeHead(status).end(text)
    })
    await ask('initialize')
    await Promise.all([1, 2, 3].map((id) => send({ id, method: 'tools/list' })))
    await expect.poll(() => state.closed).toBe(1)
    for (const id of [1, 2, 3])
      expect(answersTo(id)).toMatchObject([
        { error: { message: expect.stringContaining('this session'), data: { sent: 'no' } } },
      ])
    expect(requests).not.toContain('DELETE /mcp')
  },
)

test('a server that has no stream of its own, and answers 404 to it, still knows the session', async () => {
  const { ask, send, state, requests } = await made(({ method, id, verb }, response) => {
    if (method === 'initialize') return json(response, { id, result: initialized }, 200, session)
    if (method === 'notifications/initialized') return void response.writeHead(202).end()
    if (verb === 'GET') return void response.writeHead(404).end('no such page')
    json(response, { id, result: {} })
  })
  await ask('initialize')
  await send({ method: 'notifications/initialized' })
  await expect.poll(() => requests).toContain('GET /mcp')
  expect(await ask('tools/list')).toMatchObject({ result: {} })
  expect(await ask('tools/list', 'again')).toMatchObject({ result: {} })
  expect(state.closed).toBe(0)
})

test('nothing overtakes initialized; the session is ended with the transport', async () => {
  const order: unknown[] = []
  let take = () => {}
  const { ask, send, far, requests, state } = await made(({ method, id, verb }, response) => {
    order.push(method ?? verb)
    if (method === 'initialize') return json(response, { id, result: initialized }, 200, session)
    if (method === 'notifications/initialized') {
      take = () => void response.writeHead(202).end()
      return
    }
    if (verb !== 'POST') return void response.writeHead(405).end()
    json(response, { id, result: {} })
  })
  await ask('initialize')
  void send({ method: 'notifications/initialized' })
  const listed = ask('tools/list')
  await expect.poll(() => order).toEqual(['initialize', 'notifications/initialized'])
  take()
  expect(await listed).toMatchObject({ result: {} })
  await far.close()
  expect(requests).toContain('DELETE /mcp')
  expect(state.closed).toBe(1)
})

test.each([
  [true, []],
  [false, ['notifications/cancelled']],
])(
  'a request is given up by ending its stream; without sessions (%s) by nothing else',
  async (isModern, told) => {
    const heard: unknown[] = []
    let ended = false
    const { send, answersTo } = await made(({ method }, response) => {
      heard.push(method)
      if (method === 'notifications/cancelled') return void response.writeHead(202).end()
      events(response).write(': begun\n\n')
      response.on('close', () => (ended = true))
    }, isModern)
    await send({ id: 1, method: 'tools/call' })
    await expect.poll(() => heard).toEqual(['tools/call'])
    await send({ method: 'notifications/cancelled', params: { requestId: 1 } })
    await expect.poll(() => ended).toBe(true)
    expect(heard.slice(1)).toEqual(told)
    expect(answersTo(1)).toEqual([])
  },
)

test.each([
  [400, 'Invalid or missing session ID', { code: -32_601 }],
  [405, 'Method Not Allowed', { code: -32_601 }],
  [404, 'no such page', { code: -32_010 }],
  [503, 'not now', { code: -32_010 }],
])(
  'HTTP %i in plain text tells of a server what it knows of server/discover',
  async (status, words, error) => {
    const { ask } = await made((_message, response) => void response.writeHead(status).end(words), true)
    expect(await ask('server/discover')).toMatchObject({
      error: { ...error, message: expect.stringContaining(words) },
    })
    expect(await ask('tools/list')).toMatchObject({ error: { code: -32_010 } })
  },
)
