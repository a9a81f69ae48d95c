import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { Exchanges, NotModern } from '../../src/relay/exchanges.js'
import { Wire } from '../support/wire-transport.js'

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Exchanges before servers that say they speak 2026-07-28, or that they do not, and answer nothing else. */
function made({ isModern = true } = {}) {
  const wires: Wire[] = []
  let empty = 0
  const exchanges = new Exchanges({
    name: 'the server',
    maxInFlight: 10,
    startTimeout: 1000,
    clientInfo: { name: 'a relay', version: '1' },
    dial: async () => {
      const wire = new Wire()
      wires.push(wire)
      wire.onSent = (message) => {
        if (!('method' in message) || message.method !== 'server/discover') return
        const { id } = message as JSONRPCRequest
        const answer = isModern ? { result: {} } : { error: { code: -32601, message: 'Method not found' } }
        setImmediate(() => wire.says({ jsonrpc: '2.0', id, ...answer } as JSONRPCMessage))
      }
      return wire
    },
    onEmpty: () => empty++,
  })
  onTestFinished(() => exchanges.close())
  const request = async (id: string | number, { method = 'tools/call', owner = 'alice' } = {}) => {
    const wire = new Wire()
    await exchanges.join(wire, { owner })
    wire.says({ jsonrpc: '2.0', id, method })
    return wire
  }
  /** The requests of clients, as the last server has got them. */
  const passed = () => (wires.at(-1) as Wire).sent.slice(1) as JSONRPCRequest[]
  return { exchanges, wires, request, passed, empty: () => empty }
}

test('the server is asked which revisions it speaks, as one of this revision is', async () => {
  const { exchanges, wires } = made()
  await exchanges.open()
  expect(wires[0]?.sent[0]).toMatchObject({
    method: 'server/discover',
    params: {
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'a relay', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  })
})

test('a server that does not know the question is too old', async () => {
  const { exchanges, wires } = made({ isModern: false })
  await expect(exchanges.open()).rejects.toBeInstanceOf(NotModern)
  expect(wires[0]?.isClosed).toBe(true)
})

test('requests of many clients with the same id are answered each for itself', async () => {
  const { request, passed, wires } = made()
  const [one, other] = [await request(1), await request(1)]
  await settled()
  const [first, second] = passed() as [JSONRPCRequest, JSONRPCRequest]
  wires[0]?.says({ jsonrpc: '2.0', id: second.id, result: { of: 'other' } })
  wires[0]?.says({ jsonrpc: '2.0', id: first.id, result: { of: 'one' } })
  expect([one.sent, other.sent]).toEqual([
    [{ jsonrpc: '2.0', id: 1, result: { of: 'one' } }],
    [{ jsonrpc: '2.0', id: 1, result: { of: 'other' } }],
  ])
})

test('what the server logs goes with the call that runs alone, and with none of several', async () => {
  const { request, passed, wires } = made()
  const one = await request(1)
  await settled()
  const log = () => wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'x' } })
  log()
  expect(one.sent).toHaveLength(1)
  expect(one.options[0]).toEqual({ relatedRequestId: 1 })
  const other = await request(2)
  await settled()
  expect(passed()).toHaveLength(2)
  log()
  expect([one.sent.length, other.sent.length]).toEqual([1, 0])
})

test('a client that goes gives its call up; when the server goes every call has an error, and the next one opens anew', async () => {
  const { request, passed, wires, empty } = made()
  const [one, other] = [await request(1), await request(2)]
  await settled()
  await one.close()
  expect(passed().at(-1)).toMatchObject({
    method: 'notifications/cancelled',
    params: { requestId: passed()[0]?.id },
  })
  await wires[0]?.close()
  expect(other.sent).toMatchObject([{ id: 2, error: { data: { sent: 'maybe' } } }])
  expect(wires).toHaveLength(1)
  await other.close()
  expect(empty()).toBe(1)
  await request(3)
  await expect.poll(() => wires.length).toBe(2)
  await settled()
  await settled()
  expect(passed()).toHaveLength(1)
})

test('a server cannot ask a client anything', async () => {
  const { exchanges, wires } = made()
  await exchanges.open()
  wires[0]?.says({ jsonrpc: '2.0', id: 'far', method: 'elicitation/create' })
  expect(wires[0]?.sent.at(-1)).toMatchObject({ id: 'far', error: { message: 'no client can be asked' } })
})

test('what may be about a call that another has given up goes to nobody', async () => {
  const { request, wires } = made()
  const one = await request(1, { owner: 'alice' })
  const other = await request(2, { owner: 'mallory' })
  await settled()
  await one.close()
  const log = () =>
    wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'secret' } })
  log()
  expect(other.sent).toEqual([])
  await other.close()
  const mine = await request(3, { owner: 'alice' })
  await settled()
  log()
  expect(mine.sent).toEqual([])
})
