import type { JSONRPCResponse } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Backoff } from '../../src/relay/backoff.js'
import type { End } from '../../src/relay/end.js'
import { Line, type LineOptions } from '../../src/relay/line.js'
import { Wire } from '../support/wire-transport.js'

const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' }) as const

function made(options: Partial<LineOptions> = {}) {
  const wires: Wire[] = []
  const lost: string[] = []
  const line = new Line({
    name: 'the server',
    maxInFlight: 10,
    startTimeout: 1000,
    dial: async () => {
      const wire = new Wire()
      wires.push(wire)
      return wire
    },
    greet: async () => {},
    onRequest: () => {},
    onNotification: () => {},
    onLost: (fault, wasUp) => {
      lost.push(`${wasUp ? 'was up' : 'never up'}: ${fault.message}`)
      return false
    },
    ...options,
  })
  onTestFinished(() => line.close())
  const ask = (id: number) => new Promise<JSONRPCResponse>((answered) => line.ask(ping(id), { answered }))
  return { line, wires, lost, ask }
}

/** Once what was said has been taken. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('it is opened by the first request, and those that come meanwhile wait in their order', async () => {
  let greeted: () => void = () => {}
  const { line, wires, ask } = made({ greet: () => new Promise((resolve) => (greeted = resolve)) })
  expect(wires).toHaveLength(0)
  const answers = [ask(1), ask(2)]
  line.tell({ jsonrpc: '2.0', method: 'notifications/initialized' })
  const third = ask(3)
  await settled()
  expect(wires).toHaveLength(1)
  expect(wires[0]?.sent).toEqual([])
  expect(line.inFlight).toBe(4)
  greeted()
  await settled()
  const sent = wires[0]?.sent as { id?: number; method: string }[]
  expect(sent.map(({ method }) => method)).toEqual(['ping', 'ping', 'notifications/initialized', 'ping'])
  for (const { id } of sent) if (id !== undefined) wires[0]?.says({ jsonrpc: '2.0', id, result: {} })
  expect((await Promise.all([...answers, third])).map(({ id }) => id)).toEqual([1, 2, 3])
  expect(line.inFlight).toBe(0)
})

test('a request that is given up while it waits is never sent', async () => {
  const { line, wires } = made()
  const giveUp = line.ask(ping(1), { answered: () => expect.unreachable() })
  giveUp()
  line.ask(ping(2), { answered: () => {} })
  await settled()
  expect(wires[0]?.sent).toHaveLength(1)
})

test('a far end that cannot be reached is an error for each that waits, which was not sent', async () => {
  const { lost, ask } = made({ dial: () => Promise.reject(new Error('no such program')) })
  const answers = await Promise.all([ask(1), ask(2)])
  const error = { message: 'no such program', data: { code: 'CONNECTION_FAILED', sent: 'no' } }
  expect(answers).toMatchObject([
    { id: 1, error },
    { id: 2, error },
  ])
  expect(lost).toEqual(['never up: no such program'])
})

test('a far end that is not ready in time is closed, and those that wait are told', async () => {
  const { wires, ask, lost } = made({ startTimeout: 5, greet: () => new Promise(() => {}) })
  expect(await ask(1)).toMatchObject({
    error: {
      message: 'the server was not ready within 0.005 s',
      data: { code: 'CONNECTION_TIMEOUT', sent: 'no' },
    },
  })
  expect(wires[0]?.isClosed).toBe(true)
  expect(lost).toHaveLength(1)
})

test('a far end that ends before it is ready is no far end', async () => {
  const { wires, ask } = made({ greet: () => new Promise(() => {}) })
  const answer = ask(1)
  await settled()
  await wires[0]?.close()
  expect(await answer).toMatchObject({ error: { message: 'the server ended before it was ready' } })
})

test('a lost far end is made again at once where it is needed, and not for nothing', async () => {
  let isNeeded = true
  const { wires, ask } = made({ onLost: () => isNeeded })
  const answer = ask(1)
  await settled()
  await wires[0]?.close()
  expect(await answer).toMatchObject({ error: { data: { sent: 'maybe' } } })
  await settled()
  expect(wires).toHaveLength(2)
  isNeeded = false
  await wires[1]?.close()
  await settled()
  expect(wires).toHaveLength(2)
})

test('one that is lost again is made again after a while, which grows; who cannot wait so long is told', async () => {
  let now = 0
  const backoff = new Backoff(() => now)
  const { wires, ask } = made({ backoff, onLost: () => false })
  for (const wait of [0, 0, 500, 1000, 2000]) {
    now += wait
    void ask(wires.length)
    await settled()
    await wires.at(-1)?.close()
  }
  expect(wires).toHaveLength(5)
  expect(backoff.wait).toBe(4000)
  expect(await ask(9)).toMatchObject({
    error: {
      message: 'the server fails again and again; next start in 4 s. Nothing was sent',
      data: { sent: 'no' },
    },
  })
  now += 4000
  void ask(10)
  await settled()
  expect(wires).toHaveLength(6)
  now += 60_000
  await wires.at(-1)?.close()
  expect(backoff.wait).toBe(0)
})

test('within two seconds of the next start a request waits for it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  let now = 0
  const { wires, ask } = made({ backoff: new Backoff(() => now) })
  for (const id of [1, 2]) {
    void ask(id)
    await settled()
    await wires.at(-1)?.close()
  }
  void ask(3)
  await settled()
  expect(wires).toHaveLength(2)
  now += 500
  vi.advanceTimersByTime(500)
  await settled()
  expect(wires[2]?.sent).toHaveLength(1)
})

test('after close nothing is opened, and what waits has an error', async () => {
  const { line, wires, ask } = made({ greet: () => new Promise(() => {}) })
  const answer = ask(1)
  await settled()
  await line.close()
  expect(await answer).toMatchObject({ error: { message: 'the server was closed; nothing was sent' } })
  expect(wires[0]?.isClosed).toBe(true)
  expect(await ask(2)).toMatchObject({ error: { data: { sent: 'no' } } })
  expect(wires).toHaveLength(1)
})

test('a far end that comes after close is closed', async () => {
  let dialled: (wire: Wire) => void = () => {}
  const { line, ask } = made({ dial: () => new Promise((resolve) => (dialled = resolve)) })
  void ask(1)
  await line.close()
  const wire = new Wire()
  dialled(wire)
  await settled()
  expect(wire.isClosed).toBe(true)
})

test('what greets can ask, and be asked, before anybody else is let through', async () => {
  const greet = (far: End) =>
    new Promise<void>((resolve) => void far.ask(ping(0), { answered: () => resolve() }))
  const { wires, ask } = made({ greet })
  const answer = ask(1)
  await settled()
  expect(wires[0]?.sent).toHaveLength(1)
  wires[0]?.says({ jsonrpc: '2.0', id: 0, result: {} })
  await settled()
  wires[0]?.says({ jsonrpc: '2.0', id: 1, result: { late: true } })
  expect(await answer).toEqual({ jsonrpc: '2.0', id: 1, result: { late: true } })
})

test('no more requests wait than there may be', async () => {
  const { ask } = made({ maxInFlight: 1, greet: () => new Promise(() => {}) })
  void ask(1)
  expect(await ask(2)).toMatchObject({ error: { data: { code: 'RATE_LIMITED', sent: 'no' } } })
})
