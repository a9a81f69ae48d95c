import type { JSONRPCMessage, JSONRPCResponse } from '@modelcontextprotocol/server'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Asked, End, type EndOptions } from '../../src/relay/end.js'
import { Wire } from '../support/wire-transport.js'

async function opened(options: Partial<EndOptions> = {}) {
  const wire = new Wire()
  const requests: Asked[] = []
  const notifications: JSONRPCMessage[] = []
  const errors: Error[] = []
  let closed = 0
  const end = await End.open(wire, {
    name: 'the server',
    maxInFlight: 10,
    onRequest: (asked) => requests.push(asked),
    onNotification: (notification) => notifications.push(notification),
    onClose: () => closed++,
    onError: (error) => errors.push(error),
    ...options,
  })
  return { end, wire, requests, notifications, errors, closed: () => closed }
}

const call = (id: string | number, meta?: Record<string, unknown>) =>
  ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'echo', ...(meta && { _meta: meta }) },
  }) as const

/** Collects what becomes of one request. */
function asker() {
  const answers: JSONRPCResponse[] = []
  return { answers, answered: (answer: JSONRPCResponse) => void answers.push(answer) }
}

test('two requests with the same id of two clients have two ids, and each gets its own answer', async () => {
  const { end, wire } = await opened()
  const [one, other] = [asker(), asker()]
  end.ask(call('a'), one)
  end.ask(call('a'), other)
  const [first, second] = wire.sent
  expect(first).toMatchObject({ method: 'tools/call', params: { name: 'echo' } })
  expect(idOf(first)).not.toEqual(idOf(second))
  wire.says({ jsonrpc: '2.0', id: idOf(second), result: { of: 'other' } })
  wire.says({ jsonrpc: '2.0', id: idOf(first), error: { code: -1, message: 'no' } })
  expect(one.answers).toEqual([{ jsonrpc: '2.0', id: 'a', error: { code: -1, message: 'no' } }])
  expect(other.answers).toEqual([{ jsonrpc: '2.0', id: 'a', result: { of: 'other' } }])
  expect(end.inFlight).toBe(0)
})

test('progress goes to the request whose token it has, with the token of its client; other progress goes nowhere', async () => {
  const { end, wire, notifications } = await opened()
  const [one, other, silent] = [asker(), asker(), asker()]
  const told: unknown[] = []
  end.ask(call(1, { progressToken: 'same', kept: true }), {
    ...one,
    told: (n) => told.push(['one', n.params]),
  })
  end.ask(call(2, { progressToken: 'same' }), { ...other, told: (n) => told.push(['other', n.params]) })
  end.ask(call(3), { ...silent, told: (n) => told.push(['silent', n.params]) })
  const tokens = wire.sent.map((message) => metaIn(message)?.progressToken)
  expect(new Set(tokens.slice(0, 2)).size).toBe(2)
  expect(metaIn(wire.sent[0])).toMatchObject({ kept: true })
  const progress = (progressToken: unknown) =>
    wire.says({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken, progress: 1 } as never,
    })
  progress(tokens[1])
  progress(idOf(wire.sent[2]))
  progress('same')
  progress(undefined)
  expect(told).toEqual([['other', { progressToken: 'same', progress: 1 }]])
  wire.says({ jsonrpc: '2.0', id: idOf(wire.sent[1]), result: {} })
  progress(tokens[1])
  expect(told).toHaveLength(1)
  expect(notifications).toEqual([])
})

test('a request that is given up is cancelled by its own id, and its late answer goes nowhere', async () => {
  const { end, wire } = await opened()
  const one = asker()
  const giveUp = end.ask(call('x'), one)
  giveUp('too slow')
  const id = idOf(wire.sent[0])
  expect(wire.sent[1]).toEqual({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: id, reason: 'too slow' },
  })
  giveUp()
  wire.says({ jsonrpc: '2.0', id, result: {} })
  expect(wire.sent).toHaveLength(2)
  expect(one.answers).toEqual([])
  expect(end.inFlight).toBe(0)
})

test('a request of the other side that it gives up is told to whoever works on it, and gets no answer', async () => {
  const { wire, requests } = await opened()
  wire.says(call(7))
  const [asked] = requests as [Asked]
  const reasons: unknown[] = []
  asked.onGivenUp = (reason) => reasons.push(reason)
  wire.says({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 8, reason: 'another' },
  })
  wire.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7, reason: 'enough' } })
  wire.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7, reason: 'again' } })
  expect(reasons).toEqual(['enough'])
  asked.answer({ jsonrpc: '2.0', id: 7, result: {} })
  asked.tell({ jsonrpc: '2.0', method: 'notifications/progress', params: {} })
  expect(wire.sent).toEqual([])
})

test('an answer and what is said before it go with the request that they belong to', async () => {
  const { wire, requests } = await opened()
  wire.says(call(7))
  const [asked] = requests as [Asked]
  asked.tell({ jsonrpc: '2.0', method: 'notifications/message', params: {} })
  asked.answer({ jsonrpc: '2.0', id: 'ours', result: { done: true } })
  asked.answer({ jsonrpc: '2.0', id: 'ours', result: { done: 'twice' } })
  expect(wire.sent).toEqual([
    { jsonrpc: '2.0', method: 'notifications/message', params: {} },
    { jsonrpc: '2.0', id: 7, result: { done: true } },
  ])
  expect(wire.options[0]).toEqual({ relatedRequestId: 7 })
})

test('when the other side goes, what it was asked has an error that says it may have run, and its own requests are given up', async () => {
  const { end, wire, requests, closed } = await opened()
  const [one, other] = [asker(), asker()]
  end.ask(call('x'), one)
  end.ask(call('y'), other)
  wire.says(call(7))
  const reasons: unknown[] = []
  ;(requests[0] as Asked).onGivenUp = (reason) => reasons.push(reason)
  await wire.close()
  await wire.close()
  const error = {
    message: 'the server has gone; the request may have run',
    data: { code: 'CONNECTION_FAILED', sent: 'maybe' },
  }
  expect(one.answers).toMatchObject([{ id: 'x', error }])
  expect(other.answers).toMatchObject([{ id: 'y', error }])
  expect(reasons).toEqual(['the server has gone'])
  expect(closed()).toBe(1)
  const late = asker()
  end.ask(call('z'), late)
  expect(late.answers).toMatchObject([{ id: 'z', error: { data: { sent: 'no' } } }])
})

test('what cannot be sent has an error at once', async () => {
  const { end, wire } = await opened()
  wire.fails = new Error('the pipe is broken')
  const one = asker()
  await new Promise<void>((resolve) => {
    end.ask(call('x'), {
      answered: (answer) => {
        one.answered(answer)
        resolve()
      },
    })
  })
  expect(one.answers).toMatchObject([
    { id: 'x', error: { message: 'the pipe is broken', data: { sent: 'maybe' } } },
  ])
  expect(end.inFlight).toBe(0)
})

test('there are no more requests at once than there may be, in either direction', async () => {
  const { end, wire, requests } = await opened({ maxInFlight: 2 })
  const askers = [asker(), asker(), asker()]
  const giveUps = askers.map((one, id) => end.ask(call(id), one))
  expect(wire.sent).toHaveLength(2)
  expect(askers[2]?.answers).toMatchObject([{ id: 2, error: { data: { code: 'RATE_LIMITED', sent: 'no' } } }])
  giveUps[0]?.()
  const again = asker()
  end.ask(call('again'), again)
  expect(again.answers).toEqual([])
  for (const id of [1, 2, 3]) wire.says(call(id))
  expect(requests).toHaveLength(2)
  expect(wire.sent.at(-1)).toMatchObject({ id: 3, error: { data: { code: 'RATE_LIMITED' } } })
  requests[0]?.answer({ jsonrpc: '2.0', id: 1, result: {} })
  wire.says(call(4))
  expect(requests).toHaveLength(3)
})

test('an id that is in use is refused, and the request that has it is answered all the same', async () => {
  const { wire, requests } = await opened()
  wire.says(call(1))
  wire.says(call(1))
  expect(requests).toHaveLength(1)
  expect(wire.sent).toMatchObject([{ id: 1, error: { data: { sent: 'no' } } }])
  requests[0]?.answer({ jsonrpc: '2.0', id: 1, result: {} })
  expect(wire.sent.at(-1)).toEqual({ jsonrpc: '2.0', id: 1, result: {} })
})

test('news of a subscription goes to the request that listens, under its own id', async () => {
  const { end, wire, notifications } = await opened()
  const told: unknown[] = []
  end.ask(
    { jsonrpc: '2.0', id: 'mine', method: 'subscriptions/listen' },
    {
      answered: () => {},
      told: (notification) => told.push(notification),
    },
  )
  const key = 'io.modelcontextprotocol/subscriptionId'
  const news = (id: unknown) =>
    wire.says({
      jsonrpc: '2.0',
      method: 'notifications/tools/list_changed',
      params: { _meta: { [key]: id } } as never,
    })
  news(idOf(wire.sent[0]))
  news('mine')
  expect(told).toEqual([
    { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta: { [key]: 'mine' } } },
  ])
  expect(notifications).toEqual([])
})

test('whatever the other side says, each request is answered at most once, under its own id, and nothing is left', async () => {
  const anything = fc.oneof(
    fc.integer({ min: 0, max: 6 }),
    fc.constantFrom('1', '2', null, undefined, -1, 1.5),
  )
  const step = fc.oneof(
    fc.record({ do: fc.constant('ask'), id: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant('answer'), id: anything }),
    fc.record({ do: fc.constant('giveUp'), id: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ do: fc.constant('progress'), id: anything }),
    fc.record({ do: fc.constant('request'), id: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant('cancel'), id: anything }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { end, wire, requests } = await opened({ maxInFlight: 4 })
      const asked: { id: unknown; answers: JSONRPCResponse[]; giveUp: () => void }[] = []
      for (const { do: kind, id } of steps) {
        if (kind === 'ask') {
          const one = asker()
          const giveUp = end.ask(call(id as number, { progressToken: id }), {
            answered: one.answered,
            told: (n) => expect(n.params?.progressToken).toBe(id),
          })
          asked.push({ id, answers: one.answers, giveUp })
        } else if (kind === 'answer') wire.says({ jsonrpc: '2.0', id, result: {} } as never)
        else if (kind === 'giveUp') asked[id as number]?.giveUp()
        else if (kind === 'progress')
          wire.says({
            jsonrpc: '2.0',
            method: 'notifications/progress',
            params: { progressToken: id },
          } as never)
        else if (kind === 'request') wire.says(call(id as number))
        else
          wire.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } } as never)
      }
      await end.close()
      for (const { id, answers } of asked) {
        expect(answers.length).toBeLessThanOrEqual(1)
        for (const answer of answers) expect(answer.id).toBe(id)
      }
      expect(end.inFlight).toBe(0)
      expect(end.askedCount).toBe(0)
      expect(new Set(wire.sent.filter((m) => 'method' in m && 'id' in m).map(idOf)).size).toBe(
        wire.sent.filter((m) => 'method' in m && 'id' in m).length,
      )
      expect(requests.length).toBeLessThanOrEqual(steps.length)
    }),
  )
})

function idOf(message: JSONRPCMessage | undefined): string | number {
  return (message as { id: string | number }).id
}

function metaIn(message: JSONRPCMessage | undefined): { progressToken?: unknown } | undefined {
  return (message as { params?: { _meta?: object } }).params?._meta
}
