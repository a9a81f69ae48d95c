import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { linkedPair } from '../../../src/bridge/linked-pair.js'
import { SessionOnExchanges } from '../../../src/bridge/translate/session-on-exchanges.js'
import { type Asked, End } from '../../../src/relay/end.js'
import type { Message } from '../../support/compare/clients.js'

// The server and the client are the test, and nothing lies between: so the clock can be the test's, too.

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const whole = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  logging: {},
}

async function joined(capabilities: object = whole) {
  const [near, far] = linkedPair()
  /** Requests without an answer, and those that were given up. */
  const open: Asked[] = []
  const givenUp: Asked[] = []
  const server = await End.open(far, {
    name: 'the client',
    maxInFlight: 5000,
    onRequest: (asked) => {
      if (asked.request.method !== 'server/discover') {
        open.push(asked)
        asked.onGivenUp = () => {
          givenUp.push(asked)
          open.splice(open.indexOf(asked), 1)
        }
        return
      }
      const result = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities }
      asked.answer({ jsonrpc: '2.0', id: 0, result: { ...result, ttlMs: 0, cacheScope: 'private' } } as never)
    },
    onNotification: () => {},
    onClose: () => {},
  })
  const session = await SessionOnExchanges.open(near, {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
  })
  const heard: Message[] = []
  const answers = new Map<unknown, Message>()
  session.onmessage = (message) => {
    const one = message as Message
    if (one.method === undefined) answers.set(one.id, one)
    else heard.push(one)
  }
  const say = (message: Message) => void session.send({ jsonrpc: '2.0', ...message } as never)
  let last = 0
  const begin = (method: string, params: object = {}) => {
    const id = `id-${++last}`
    say({ id, method, params })
    return id
  }
  const end = (asked: Asked | undefined, answer: object) => {
    if (!asked) throw new Error('nothing was asked')
    open.splice(open.indexOf(asked), 1)
    asked.answer({ jsonrpc: '2.0', id: 0, ...answer } as never)
  }
  const acknowledge = (asked: Asked | undefined, notifications?: object) => {
    if (!asked) throw new Error('nothing was asked')
    const wanted = asked.request.params?.notifications as object
    const _meta = { 'io.modelcontextprotocol/subscriptionId': asked.request.id }
    const params = { notifications: notifications ?? wanted, _meta }
    asked.tell({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params } as never)
  }
  const tellOf = (asked: Asked | undefined, method: string, params: object = {}) => {
    const _meta = { 'io.modelcontextprotocol/subscriptionId': asked?.request.id }
    asked?.tell({ jsonrpc: '2.0', method, params: { ...params, _meta } } as never)
  }
  const urisOf = (asked: Asked | undefined) =>
    (asked?.request.params?.notifications as { resourceSubscriptions?: string[] } | undefined)
      ?.resourceSubscriptions
  const methods = () => heard.map(({ method }) => method)
  return {
    session,
    server,
    open,
    givenUp,
    heard,
    answers,
    say,
    begin,
    end,
    acknowledge,
    tellOf,
    urisOf,
    methods,
  }
}

describe('one subscription at the server', () => {
  test('is replaced when more is watched: the new one is there before the old one ends', async () => {
    const { say, begin, open, givenUp, acknowledge, answers, urisOf } = await joined()
    say({ method: 'notifications/initialized' })
    await settled()
    expect(open).toHaveLength(1)
    acknowledge(open[0])
    const id = begin('resources/subscribe', { uri: 'x://one' })
    await settled()
    expect(open).toHaveLength(2)
    expect(urisOf(open[1])).toEqual(['x://one'])
    expect(givenUp).toEqual([])
    acknowledge(open[1])
    await settled()
    expect(answers.get(id)?.result).toEqual({})
    expect([open.length, givenUp.length]).toEqual([1, 1])
  })

  test('is one for many resources that are watched at once', async () => {
    const { begin, open, acknowledge, answers, urisOf } = await joined()
    const ids = Array.from({ length: 200 }, (_, at) => begin('resources/subscribe', { uri: `x://${at}` }))
    await settled()
    expect(open).toHaveLength(1)
    acknowledge(open[0])
    await settled()
    acknowledge(open.at(-1))
    await settled()
    expect(open).toHaveLength(1)
    expect(urisOf(open[0])).toHaveLength(200)
    for (const id of ids) expect(answers.get(id)?.result).toEqual({})
  })

  test('is nothing that a server without it is asked for', async () => {
    const { begin, open, answers } = await joined({ resources: {} })
    const id = begin('resources/subscribe', { uri: 'x://one' })
    await settled()
    expect(answers.get(id)?.error).toMatchObject({ code: -32_601 })
    expect(open).toEqual([])
  })

  test('does not pretend to hold what the server has left out', async () => {
    const { begin, open, acknowledge, answers } = await joined()
    const id = begin('resources/subscribe', { uri: 'x://one' })
    await settled()
    acknowledge(open[0], {})
    await settled()
    expect(answers.get(id)?.error?.message).toContain('x://one')
  })

  test('does not tell of what is not watched any more', async () => {
    const { begin, open, acknowledge, tellOf, heard } = await joined()
    begin('resources/subscribe', { uri: 'x://one' })
    await settled()
    acknowledge(open[0])
    begin('resources/unsubscribe', { uri: 'x://one' })
    tellOf(open[0], 'notifications/resources/updated', { uri: 'x://one' })
    await settled()
    expect(heard).toEqual([])
  })
})

describe('a subscription, over time', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  test('that ends is taken up again ever more slowly, and what may have changed is told each time', async () => {
    const { say, begin, open, acknowledge, end, methods, session } = await joined()
    say({ method: 'notifications/initialized' })
    await settled()
    acknowledge(open[0])
    begin('resources/subscribe', { uri: 'x://one' })
    await settled()
    acknowledge(open[1])
    await settled()
    expect(open).toHaveLength(1)
    let times = 0
    for (let second = 0; second < 60; second++) {
      vi.advanceTimersByTime(1000)
      for (let turn = 0; turn < 3; turn++) {
        await settled()
        if (open.length === 0) continue
        times++
        acknowledge(open[0])
        end(open[0], { result: { resultType: 'complete' } })
      }
    }
    expect(times).toBeGreaterThan(3)
    expect(times).toBeLessThan(12)
    await settled()
    const tools = methods().filter((method) => method === 'notifications/tools/list_changed')
    const updates = methods().filter((method) => method === 'notifications/resources/updated')
    expect(tools).toHaveLength(times - 1) // the first had not ended before
    expect(updates).toHaveLength(times - 1)
    await session.close()
    vi.advanceTimersByTime(120_000)
    await settled()
    expect(open).toEqual([])
  })

  test('stays as it was when another is refused, also later', async () => {
    const { say, begin, open, givenUp, acknowledge, end, answers, tellOf, methods } = await joined()
    say({ method: 'notifications/initialized' })
    await settled()
    acknowledge(open[0])
    for (let time = 0; time < 3; time++) {
      const id = begin('resources/subscribe', { uri: 'x://bad' })
      await settled()
      expect(open).toHaveLength(2)
      end(open[1], { error: { code: -32_603, message: 'Subscription limit reached' } })
      await settled()
      expect(answers.get(id)?.error).toMatchObject({ message: 'Subscription limit reached' })
    }
    vi.advanceTimersByTime(60_000)
    await settled()
    expect([open.length, givenUp.length]).toEqual([1, 0])
    tellOf(open[0], 'notifications/tools/list_changed')
    await settled()
    expect(methods()).toEqual(['notifications/tools/list_changed'])
  })

  test('that is never acknowledged keeps nobody waiting for ever', async () => {
    const { begin, open, answers, givenUp } = await joined({ resources: { subscribe: true } })
    const id = begin('resources/subscribe', { uri: 'x://one' })
    await settled()
    vi.advanceTimersByTime(31_000)
    await settled()
    expect(answers.get(id)?.error).toBeDefined()
    expect([open.length, givenUp.length]).toEqual([0, 1])
  })
})

describe('a call whose client is asked', () => {
  const wanted = (inputRequests: object, requestState?: string) => ({
    result: { resultType: 'input_required', inputRequests, ...(requestState && { requestState }) },
  })
  const elicit = { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: {} } }

  test('and gives it up is given up at both sides', async () => {
    const { begin, say, open, end, heard, answers, givenUp } = await joined()
    const id = begin('tools/call', { name: 'x' })
    await settled()
    end(open[0], wanted({ one: elicit, two: elicit }))
    await settled()
    expect(heard).toHaveLength(2)
    say({ method: 'notifications/cancelled', params: { requestId: id } })
    await settled()
    expect(heard.slice(2).map(({ params }) => params.requestId)).toEqual([heard[0]?.id, heard[1]?.id])
    say({ id: heard[0]?.id, result: { action: 'accept' } })
    await settled()
    expect(answers.size).toBe(0)
    const running = begin('tools/call', { name: 'x' })
    await settled()
    say({ method: 'notifications/cancelled', params: { requestId: running } })
    await settled()
    expect(givenUp).toHaveLength(1)
  })

  test('fails with the first answer that is none, and the rest is not asked any more', async () => {
    const { begin, say, open, end, heard, answers } = await joined()
    const id = begin('tools/call', { name: 'x' })
    await settled()
    end(open[0], wanted({ one: elicit, two: elicit }))
    await settled()
    say({ id: heard[1]?.id, error: { code: -32_601, message: 'no such thing' } })
    await settled()
    expect(answers.get(id)?.error).toEqual({ code: -32_601, message: 'no such thing' })
    expect(heard[2]).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: heard[0]?.id },
    })
    expect(open).toEqual([])
  })

  test('beside another one has its own answers', async () => {
    const { begin, say, open, end, heard } = await joined()
    begin('tools/call', { name: 'x' })
    begin('tools/call', { name: 'y' })
    await settled()
    const [first, second] = [...open]
    end(first, wanted({ q: elicit }, 'of x'))
    end(second, wanted({ q: elicit }, 'of y'))
    await settled()
    say({ id: heard[1]?.id, result: { action: 'decline' } })
    say({ id: heard[0]?.id, result: { action: 'accept', content: {} } })
    await settled()
    expect(
      open.map(({ request: { params } }) => [params?.name, params?.requestState, params?.inputResponses]),
    ).toEqual([
      ['y', 'of y', { q: { action: 'decline' } }],
      ['x', 'of x', { q: { action: 'accept', content: {} } }],
    ])
  })

  test('for nothing asks again a little later, with what the server wants kept', async () => {
    const { begin, open, end } = await joined()
    begin('tools/call', { name: 'x' })
    await settled()
    end(open[0], wanted({}, 'later'))
    await vi.waitFor(() => expect(open).toHaveLength(1))
    expect(open[0]?.request.params).toMatchObject({ requestState: 'later' })
    expect(open[0]?.request.params).not.toHaveProperty('inputResponses')
  })

  test.each(['tools/call', 'initialize', 'notifications/cancelled'])('is not asked %s', async (method) => {
    const { begin, open, end, heard, answers } = await joined()
    const id = begin('tools/call', { name: 'x' })
    await settled()
    end(open[0], wanted({ one: { method, params: { name: 'rm' } } }))
    await settled()
    expect(heard).toEqual([])
    expect(answers.get(id)?.error?.message).toContain(method)
  })

  test('when the server dies gets an answer all the same', async () => {
    const { begin, open, end, heard, session, server, say } = await joined()
    let isClosed = false
    session.onclose = () => {
      isClosed = true
    }
    begin('tools/call', { name: 'x' })
    await settled()
    end(open[0], wanted({ one: elicit }))
    await settled()
    expect(heard).toHaveLength(1)
    await server.close()
    expect(isClosed).toBe(true)
    say({ id: heard[0]?.id, result: { action: 'accept' } })
    await settled()
    expect(open).toEqual([])
  })
})
