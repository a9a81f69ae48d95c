import type { JSONRPCNotification } from '@modelcontextprotocol/server'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BridgeEvent } from '../../../src/bridge/event.js'
import { linkedPair } from '../../../src/bridge/linked-pair.js'
import { ExchangesOnSession } from '../../../src/bridge/translate/exchanges-on-session.js'
import { type Asked, End } from '../../../src/relay/end.js'
import type { Message } from '../../support/compare/clients.js'

// The server and the client are the test, and nothing lies between: so the clock can be the test's, too.

const able = { elicitation: { form: {}, url: {} }, roots: {}, sampling: {} }
const question = (message = 'Who?') => ({
  jsonrpc: '2.0' as const,
  id: 0,
  method: 'elicitation/create',
  params: { message, requestedSchema: { type: 'object', properties: {} } },
})
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** `answer`: of the server, to what is not `initialize`; 'none' leaves the request open, undefined is the usual. */
async function joined(
  answer: (request: Message, asked: Asked) => Message | 'none' | undefined = () => undefined,
  capabilities: object = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    logging: {},
  },
) {
  const [near, far] = linkedPair()
  const received: Message[] = []
  const calls: Asked[] = []
  const cancelled: unknown[] = []
  const events: BridgeEvent[] = []
  let server: End | undefined
  await ExchangesOnSession.open(
    far,
    async (client) => {
      server = await End.open(client, {
        name: 'the client',
        maxInFlight: 5000,
        onRequest: (asked) => {
          const { request } = asked
          received.push(request as Message)
          asked.onGivenUp = (reason) => void cancelled.push(reason)
          const initialized = {
            protocolVersion: '2025-11-25',
            capabilities,
            serverInfo: { name: 's', version: '1' },
          }
          const result = request.method === 'initialize' ? { result: initialized } : answer(request, asked)
          if (result === 'none') return
          if (result) asked.answer({ jsonrpc: '2.0', id: 0, ...result } as never)
          else if (/^(resources\/(un)?subscribe|logging\/setLevel)$/.test(request.method))
            asked.answer({ jsonrpc: '2.0', id: 0, result: {} })
          else calls.push(asked)
        },
        onNotification: (notification) => void received.push(notification as Message),
        onClose: () => {},
      })
    },
    (event) => void events.push(event),
  )
  const answers = new Map<unknown, Message>()
  const heard: Message[] = []
  near.onmessage = (message) => {
    const one = message as Message
    if (one.method === undefined) answers.set(one.id, one)
    else heard.push(one)
  }
  await near.start()
  let last = 0
  const say = (message: Message) => void near.send({ jsonrpc: '2.0', ...message } as never)
  /** Gives the id. */
  const begin = (
    method: string,
    params: object = {},
    clientCapabilities: object = able,
    meta: object = {},
  ) => {
    const id = `id-${++last}`
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': clientCapabilities,
      ...meta,
    }
    say({ id, method, params: { ...params, _meta } })
    return id
  }
  const call = (params: object = {}, ...rest: [object?, object?]) =>
    begin('tools/call', { name: 'x', arguments: {}, ...params }, ...rest)
  const ask = (message?: string) =>
    new Promise<Message>((answered) =>
      server?.ask(question(message), { answered: (one) => answered(one as Message) }),
    )
  const tell = (method: string, params: object = {}) =>
    server?.tell({ jsonrpc: '2.0', method, params } as JSONRPCNotification)
  const answerTo = async (id: string) => {
    await vi.waitFor(() => expect(answers.has(id)).toBe(true))
    return answers.get(id) as Message
  }
  /** Methods that the server got. */
  const methods = () => received.map(({ method }) => method)
  return {
    begin,
    call,
    say,
    ask,
    tell,
    answers,
    answerTo,
    heard,
    received,
    methods,
    calls,
    cancelled,
    events,
    near,
  }
}

describe('a call whose client is asked and does not come back', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  test('is given up at the server after ten minutes, and what the server asked is answered', async () => {
    const { call, ask, answers, calls, cancelled } = await joined()
    const id = call()
    await settled()
    const asked = ask()
    await settled()
    await settled()
    expect(answers.get(id)?.result).toMatchObject({ resultType: 'input_required' })
    vi.advanceTimersByTime(599_000)
    expect(cancelled).toEqual([])
    vi.advanceTimersByTime(2000)
    expect(cancelled).toEqual(['the client did not come back'])
    expect((await asked).error).toBeDefined()
    expect(calls).toHaveLength(1)
    const again = call({ requestState: answers.get(id)?.result.requestState, inputResponses: {} })
    await settled()
    expect(answers.get(again)?.error).toMatchObject({ code: -32_602 })
  })
})

test('of calls whose clients do not come back only so many are kept, and there is room for others', async () => {
  const { call, ask, answers, cancelled, answerTo } = await joined()
  for (let number = 0; number < 1100; number++) {
    const id = call()
    await settled()
    void ask()
    await settled()
    await settled()
    expect(answers.get(id)?.result?.resultType).toBe('input_required')
  }
  expect(cancelled.length).toBeGreaterThan(100)
  expect(new Set(cancelled)).toEqual(new Set(['the client did not come back']))
  expect((await answerTo('id-1100')).result.requestState).toMatch(/.{32,}/)
})

test('what a client is asked is forgotten with it', async () => {
  const { call, ask, answers, near } = await joined()
  const id = call()
  await settled()
  const asked = ask()
  await settled()
  await settled()
  expect(answers.get(id)?.result.resultType).toBe('input_required')
  await near.close()
  expect((await asked).error).toBeDefined()
})

describe('subscriptions', () => {
  const uri = 'x://one'
  const listen = (notifications: object) => ['subscriptions/listen', { notifications }] as const
  const acknowledged = (heard: readonly Message[], id: string) =>
    heard.find(
      ({ method, params }) =>
        method === 'notifications/subscriptions/acknowledged' &&
        params._meta['io.modelcontextprotocol/subscriptionId'] === id,
    )?.params.notifications

  test('promise what the server has, and nothing else', async () => {
    const { begin, heard } = await joined(undefined, {
      tools: { listChanged: true },
      prompts: {},
      resources: {},
    })
    const id = begin(
      ...listen({
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: [uri],
        more: 'x',
      }),
    )
    await vi.waitFor(() => expect(acknowledged(heard, id)).toEqual({ toolsListChanged: true }))
  })

  test.each([
    ['nothing', {}],
    ['text', { notifications: 'all' }],
    ['numbers', { notifications: { resourceSubscriptions: [1] } }],
  ])('to %s are refused', async (_what, params) => {
    const { begin, answerTo } = await joined()
    expect(await answerTo(begin('subscriptions/listen', params))).toMatchObject({ error: { code: -32_602 } })
  })

  test('to one resource share what the server is told of it, until the last has ended', async () => {
    const { begin, say, tell, heard, methods } = await joined()
    const [one, other] = [
      begin(...listen({ resourceSubscriptions: [uri] })),
      begin(...listen({ resourceSubscriptions: [uri] })),
    ]
    const cancel = (requestId: string) => say({ method: 'notifications/cancelled', params: { requestId } })
    await vi.waitFor(() => expect(acknowledged(heard, other)).toEqual({ resourceSubscriptions: [uri] }))
    cancel(one)
    await settled()
    expect(methods().filter((method) => method?.includes('subscribe'))).toEqual(['resources/subscribe'])
    tell('notifications/resources/updated', { uri })
    expect(heard.filter(({ method }) => method === 'notifications/resources/updated')).toHaveLength(1)
    cancel(other)
    await settled()
    expect(methods().filter((method) => method?.includes('subscribe'))).toEqual([
      'resources/subscribe',
      'resources/unsubscribe',
    ])
  })

  test('that are given up while the server is told leave nothing there', async () => {
    let open: Asked | undefined
    const { begin, say, methods } = await joined((request, asked) => {
      if (request.method === 'resources/subscribe') open = asked
      return request.method === 'resources/subscribe' ? 'none' : { result: {} }
    })
    const requestId = begin(...listen({ resourceSubscriptions: [uri, 'x://two'] }))
    await vi.waitFor(() => expect(open).toBeDefined())
    say({ method: 'notifications/cancelled', params: { requestId } })
    open?.answer({ jsonrpc: '2.0', id: 0, result: {} })
    await settled()
    expect(methods().filter((method) => method?.includes('subscribe'))).toEqual([
      'resources/subscribe',
      'resources/unsubscribe',
    ])
  })

  test('that the server cannot take as a whole leave nothing of a part', async () => {
    const { begin, answerTo, methods } = await joined((request) =>
      request.method === 'resources/subscribe' && request.params.uri === 'x://two'
        ? { error: { code: -32_010, message: 'too many', data: { code: 'RATE_LIMITED', sent: 'no' } } }
        : undefined,
    )
    const { error } = await answerTo(begin(...listen({ resourceSubscriptions: [uri, 'x://two'] })))
    expect(error).toMatchObject({ code: -32_010 })
    await settled()
    expect(methods().filter((method) => method === 'resources/unsubscribe')).toHaveLength(1)
  })
})

test('the level of a call holds while another wants to hear less', async () => {
  const level = (level: string) => ({ 'io.modelcontextprotocol/logLevel': level })
  const { call, received, tell, heard, calls } = await joined()
  call({}, able, level('debug'))
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  call({}, able, level('error'))
  await vi.waitFor(() => expect(calls).toHaveLength(2))
  const levels = () =>
    received.flatMap(({ method, params }) => (method === 'logging/setLevel' ? [params.level] : []))
  expect(levels()).toEqual(['debug'])
  tell('notifications/message', { level: 'info', data: 'hello' })
  await vi.waitFor(() => expect(heard).toHaveLength(1))
  for (const { answer } of calls) answer({ jsonrpc: '2.0', id: 0, result: {} })
  call({}, able, level('error'))
  await vi.waitFor(() => expect(levels()).toEqual(['debug', 'error']))
})

test('a resource that is not there is told as the newer revision tells it', async () => {
  const { begin, answerTo } = await joined(() => ({
    error: { code: -32_002, message: 'Resource not found', data: { uri: 'x://none' } },
  }))
  expect((await answerTo(begin('resources/read', { uri: 'x://none' }))).error).toEqual({
    code: -32_602,
    message: 'Resource not found',
    data: { uri: 'x://none' },
  })
})

test.each([
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'initialize',
  'tasks/list',
])('%s, which the revision does not have, does not reach the session', async (method) => {
  const { begin, answerTo, methods } = await joined(() => ({ result: {} }))
  expect(await answerTo(begin(method, { level: 'debug', uri: 'x://one' }))).toMatchObject({
    error: { code: -32_601 },
  })
  expect(methods()).not.toContain(method === 'initialize' ? 'tasks/list' : method)
})

describe('a call that needs a URL to be opened first', () => {
  const needed = {
    error: {
      code: -32_042,
      message: 'Please log in',
      data: {
        elicitations: [{ mode: 'url', elicitationId: 'e1', url: 'https://x.example/', message: 'Log in' }],
      },
    },
  }

  test('asks for that, and is made again', async () => {
    let isDone = false
    const { call, answerTo } = await joined(() => (isDone ? { result: { content: [] } } : needed))
    const { result } = await answerTo(call())
    expect(result.resultType).toBe('input_required')
    const [[key, asked] = []] = Object.entries(result.inputRequests)
    expect(asked).toEqual({
      method: 'elicitation/create',
      params: { mode: 'url', url: 'https://x.example/', message: 'Log in' },
    })
    isDone = true
    const { requestState } = result
    const again = call({ requestState, inputResponses: { [String(key)]: { action: 'accept' } } })
    expect((await answerTo(again)).result).toMatchObject({ resultType: 'complete' })
  })

  test('fails when that is declined, and where the client opens none', async () => {
    const { call, answerTo, calls, methods } = await joined(() => needed)
    const { result } = await answerTo(call())
    const [key] = Object.keys(result.inputRequests)
    const { requestState } = result
    const again = call({ requestState, inputResponses: { [String(key)]: { action: 'decline' } } })
    expect((await answerTo(again)).error).toMatchObject({ code: -32_042 })
    expect(methods().filter((method) => method === 'tools/call')).toHaveLength(1)
    expect((await answerTo(call({}, { elicitation: { form: {} } }))).error).toMatchObject({ code: -32_042 })
    expect(calls).toEqual([])
  })
})
