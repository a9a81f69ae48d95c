import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { Backoff } from '../../src/relay/backoff.js'
import { Fault, faultAnswer, sessionIsLost } from '../../src/relay/fault.js'
import { type Client, Relay, type RelayOptions, type Stamp } from '../../src/relay/relay.js'
import { Wire } from '../support/wire-transport.js'

const settled = () => new Promise((resolve) => setImmediate(resolve))

const capabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  logging: {},
}
const initialized = { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'far', version: '1' } }

/** A relay before servers that answer everything with `{ method, of: NUMBER }`, but what they are told not to. */
function made(options: Partial<RelayOptions> = {}) {
  const wires: Wire[] = []
  const held = new Set<string>()
  let empty = 0
  const relay = new Relay({
    name: 'the server',
    maxInFlight: 10,
    startTimeout: 1000,
    dial: async () => {
      const wire = new Wire()
      const of = wires.push(wire)
      wire.onSent = (message) => {
        if (!('method' in message) || !('id' in message) || held.has(message.method)) return
        const result = message.method === 'initialize' ? initialized : { method: message.method, of }
        setImmediate(() => wire.says({ jsonrpc: '2.0', id: message.id, result }))
      }
      return wire
    },
    onEmpty: () => empty++,
    ...options,
  })
  onTestFinished(() => relay.close())
  const join = async (client?: Client) => {
    const wire = new Wire()
    await relay.join(wire, client)
    let last = 0
    const ask = async (method: string, params: object = {}) => {
      const id = `client ${++last}`
      const answered = new Promise<JSONRPCMessage>((resolve) => {
        wire.onSent = (message) => {
          if (!('method' in message) && message.id === id) resolve(message)
        }
      })
      wire.says({ jsonrpc: '2.0', id, method, params } as JSONRPCRequest)
      return answered
    }
    const open = async (params: object = {}) => {
      const answer = await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, ...params })
      wire.says({ jsonrpc: '2.0', method: 'notifications/initialized' })
      return answer
    }
    const heard = () => wire.sent.filter((message) => 'method' in message)
    return { wire, ask, open, heard }
  }
  const told = (at: number) =>
    (wires[at]?.sent ?? []).map((message) => ('method' in message ? message.method : 'answer'))
  return { relay, wires, held, join, told, empty: () => empty }
}

test('the server is initialized once, by what the first client says, and every client has its answer', async () => {
  const { join, told, wires } = made()
  const [one, other] = [await join(), await join()]
  const answers = await Promise.all([one.open({ capabilities: { roots: {} } }), other.open()])
  expect(answers).toMatchObject([{ result: initialized }, { result: initialized }])
  expect(await (await join()).open()).toMatchObject({ result: initialized })
  await settled()
  expect(told(0)).toEqual(['initialize', 'notifications/initialized'])
  expect(wires[0]?.sent[0]).toMatchObject({ params: { capabilities: { roots: {} } } })
})

test('an error to initialize reaches the client, and the next one begins anew', async () => {
  const { join, wires, held } = made()
  held.add('initialize')
  const one = await join()
  const answer = one.ask('initialize', { protocolVersion: '1999-01-01' })
  await settled()
  const { id } = (wires[0] as Wire).sent[0] as JSONRPCRequest
  wires[0]?.says({ jsonrpc: '2.0', id, error: { code: -32602, message: 'no such revision' } })
  expect(await answer).toMatchObject({ id: 'client 1', error: { code: -32602, message: 'no such revision' } })
  held.clear()
  const other = await join()
  expect(await other.open()).toMatchObject({ result: initialized })
  expect(wires.at(-1)?.sent[0]).toMatchObject({ params: { protocolVersion: '2025-11-25' } })
})

test('when the server dies the next one is told what clients have told before, and clients that it may have changed', async () => {
  const { join, told, wires, held } = made()
  const one = await join()
  await one.open({ capabilities: { sampling: {} } })
  await one.ask('logging/setLevel', { level: 'warning' })
  for (const uri of ['a:1', 'a:2', 'a:3']) await one.ask('resources/subscribe', { uri })
  await one.ask('resources/unsubscribe', { uri: 'a:2' })
  held.add('tools/call')
  const running = one.ask('tools/call', { name: 'x' })
  await settled()
  held.clear()
  await wires[0]?.close()
  expect(await running).toMatchObject({ error: { data: { code: 'CONNECTION_FAILED', sent: 'maybe' } } })
  expect(await one.ask('tools/list')).toMatchObject({ result: { of: 2 } })
  expect(told(1)).toEqual([
    'initialize',
    'notifications/initialized',
    'logging/setLevel',
    'resources/subscribe',
    'resources/subscribe',
    'tools/list',
  ])
  expect(wires[1]?.sent).toMatchObject([
    { params: { capabilities: { sampling: {} } } },
    {},
    { params: { level: 'warning' } },
    { params: { uri: 'a:1' } },
    { params: { uri: 'a:3' } },
    {},
  ])
  expect(one.heard()).toEqual([
    { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
    { jsonrpc: '2.0', method: 'notifications/resources/list_changed' },
  ])
})

test('what the server asks goes to the client while there is one, and comes back', async () => {
  const { join, wires } = made()
  const one = await join()
  await one.open()
  one.wire.onSent = (message) => {
    if ('method' in message && 'id' in message)
      one.wire.says({ jsonrpc: '2.0', id: message.id, result: { roots: [] } })
  }
  wires[0]?.says({ jsonrpc: '2.0', id: 'far', method: 'roots/list' })
  expect(wires[0]?.sent.at(-1)).toEqual({ jsonrpc: '2.0', id: 'far', result: { roots: [] } })
})

test('what the server asks goes with the only call that runs; when that is given up, so is what was asked', async () => {
  const { join, wires, held } = made()
  const one = await join()
  await one.open()
  held.add('tools/call')
  void one.ask('tools/call', { name: 'x' })
  await settled()
  wires[0]?.says({ jsonrpc: '2.0', id: 'far', method: 'elicitation/create' })
  expect(one.wire.options.at(-1)).toEqual({ relatedRequestId: 'client 2' })
  wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'far' } })
  expect(one.wire.sent.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 0 } })
})

test('with several clients what the server asks is refused, but for ping', async () => {
  const { join, wires } = made()
  const [one, other] = [await join(), await join()]
  await one.open()
  await other.open()
  wires[0]?.says({ jsonrpc: '2.0', id: 'far', method: 'sampling/createMessage' })
  wires[0]?.says({ jsonrpc: '2.0', id: 'far 2', method: 'ping' })
  await settled()
  expect(wires[0]?.sent.slice(-2)).toMatchObject([
    { id: 'far', error: { message: expect.stringContaining('more than one session') } },
    { id: 'far 2', result: {} },
  ])
  expect(one.heard()).toEqual([])
  await other.wire.close()
  wires[0]?.says({ jsonrpc: '2.0', id: 'far 3', method: 'sampling/createMessage' })
  expect(one.heard()).toHaveLength(1)
})

test('each client hears of what changes, of what it watches, and nothing of what another does', async () => {
  const { join, wires, held } = made()
  const [one, other] = [await join(), await join()]
  await one.open()
  await other.open()
  await one.ask('resources/subscribe', { uri: 'a:1' })
  await other.ask('resources/subscribe', { uri: 'a:1' })
  await one.ask('resources/unsubscribe', { uri: 'a:1' })
  held.add('tools/call')
  void one.ask('tools/call', {})
  await settled()
  const say = (method: string, params = {}) => wires[0]?.says({ jsonrpc: '2.0', method, params })
  say('notifications/tools/list_changed')
  say('notifications/resources/updated', { uri: 'a:1' })
  say('notifications/resources/updated', { uri: 'a:1/part' })
  say('notifications/resources/updated', { uri: 'a:' })
  say('notifications/message', { level: 'info', data: 'of the call' })
  say('notifications/elicitation/complete', { elicitationId: 'e' })
  const heard = (of: { heard: () => JSONRPCMessage[] }) =>
    of.heard().map((message) => ('method' in message ? message.method : ''))
  expect(heard(one)).toEqual(['notifications/tools/list_changed', 'notifications/message'])
  expect(heard(other)).toEqual(['notifications/tools/list_changed', 'notifications/resources/updated'])
  void other.ask('tools/call', {})
  await settled()
  say('notifications/message', { level: 'info', data: 'of one of the two' })
  expect(heard(one)).toHaveLength(2)
  expect(heard(other)).toHaveLength(2)
})

test('the server logs as much as the client that wants most, and each gets what it wants', async () => {
  const { join, wires } = made()
  const [one, other] = [await join(), await join()]
  await one.open()
  await other.open()
  await one.ask('logging/setLevel', { level: 'debug' })
  await other.ask('logging/setLevel', { level: 'error' })
  expect(wires[0]?.sent.slice(-2)).toMatchObject([
    { params: { level: 'debug' } },
    { params: { level: 'debug' } },
  ])
  await one.wire.close()
  wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info' } })
  wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'critical' } })
  expect(other.heard()).toMatchObject([{ params: { level: 'critical' } }])
})

test('a resource that another client watches stays watched', async () => {
  const { join, told } = made()
  const [one, other] = [await join(), await join()]
  await one.open()
  await other.open()
  await one.ask('resources/subscribe', { uri: 'a:1' })
  await other.ask('resources/subscribe', { uri: 'a:1' })
  expect(await one.ask('resources/unsubscribe', { uri: 'a:1' })).toMatchObject({ result: {} })
  expect(told(0)).not.toContain('resources/unsubscribe')
  await other.wire.close()
  expect(told(0).at(-1)).toBe('resources/unsubscribe')
})

test('a client that goes has its calls given up; with the last one the relay is empty', async () => {
  const { join, wires, held, empty } = made()
  const [one, other] = [await join(), await join()]
  await one.open()
  await other.open()
  held.add('tools/call')
  void one.ask('tools/call', {})
  await settled()
  await one.wire.close()
  expect(wires[0]?.sent.at(-1)).toMatchObject({ method: 'notifications/cancelled' })
  expect(empty()).toBe(0)
  await other.wire.close()
  expect(empty()).toBe(1)
})

test('all that a client says is stamped: requests, notifications, and its answers', async () => {
  const { join, wires, held } = made()
  const stamp: Stamp = (message) => ({ ...message, stamped: true })
  const one = await join({ stamp })
  await one.open()
  one.wire.says({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })
  held.add('roots/list')
  await one.ask('tools/list')
  wires[0]?.says({ jsonrpc: '2.0', id: 'far', method: 'roots/list' })
  const { id } = one.wire.sent.at(-1) as JSONRPCRequest
  one.wire.says({ jsonrpc: '2.0', id, result: { roots: [] } })
  expect(wires[0]?.sent).toHaveLength(5)
  for (const message of wires[0]?.sent ?? []) expect(message).toMatchObject({ stamped: true })
})

test('a server that comes back with another revision is not spoken to', async () => {
  const { join, wires, held } = made()
  const one = await join()
  await one.open()
  held.add('initialize')
  await wires[0]?.close()
  const answer = one.ask('tools/list')
  await settled()
  const { id } = (wires[1] as Wire).sent[0] as JSONRPCRequest
  wires[1]?.says({ jsonrpc: '2.0', id, result: { ...initialized, protocolVersion: '2025-06-18' } })
  expect(await answer).toMatchObject({
    error: {
      message: 'it speaks revision 2025-06-18 now, and spoke 2025-11-25 before',
      data: { sent: 'no' },
    },
  })
})

test('what may be about a call that another has given up goes to nobody, until the server begins again', async () => {
  const { join, wires, held } = made()
  const [alice, mallory] = [await join({ owner: 'alice' }), await join({ owner: 'mallory' })]
  await alice.open()
  await mallory.open()
  held.add('tools/call')
  void alice.ask('tools/call', {})
  void mallory.ask('tools/call', {})
  await settled()
  await alice.wire.close()
  const say = (at: number) => {
    wires[at]?.says({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level: 'info', data: 'secret' },
    })
    wires[at]?.says({
      jsonrpc: '2.0',
      id: 'far',
      method: 'elicitation/create',
      params: { message: 'secret' },
    })
  }
  say(0)
  expect(mallory.heard()).toEqual([])
  expect(wires[0]?.sent.at(-1)).toMatchObject({
    id: 'far',
    error: { message: expect.stringContaining('given up') },
  })
  const again = await join({ owner: 'alice' })
  await again.open()
  await mallory.wire.close()
  say(0)
  expect(again.heard()).toEqual([]) // mallory's call was given up, too
  await wires[0]?.close()
  await expect.poll(() => wires.length).toBe(2)
  await settled()
  say(1)
  expect(again.heard().filter((message) => 'params' in message)).toHaveLength(2)
})

test('what was given up by the same owner holds nothing back', async () => {
  const { join, wires, held } = made()
  const [one, other] = [await join({ owner: 'alice' }), await join({ owner: 'alice' })]
  await one.open()
  await other.open()
  held.add('tools/call')
  void one.ask('tools/call', {})
  await settled()
  await one.wire.close()
  wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info' } })
  expect(other.heard()).toHaveLength(1)
})

test('a client that watches more than it may is told, and others are not held up by it', async () => {
  const { join } = made()
  const [one, other] = [await join(), await join()]
  await one.open()
  await other.open()
  const uri = (at: number) => `a:${at}${'x'.repeat(30_000)}`
  expect(await one.ask('resources/subscribe', { uri: uri(1) })).toMatchObject({ result: {} })
  expect(await one.ask('resources/subscribe', { uri: uri(2) })).toMatchObject({ result: {} })
  expect(await one.ask('resources/subscribe', { uri: uri(3) })).toMatchObject({
    error: { data: { code: 'RATE_LIMITED' } },
  })
  expect(await other.ask('resources/subscribe', { uri: uri(3) })).toMatchObject({ result: {} })
})

test.each([[{}], [{ level: 'loud' }], [{ level: { a: 1 } }]])(
  'a level that is none, %j, reaches the server as it is',
  async (params) => {
    const { join, wires } = made()
    const one = await join()
    await one.open()
    await one.ask('logging/setLevel', params)
    expect(wires[0]?.sent.at(-1)).toMatchObject({ method: 'logging/setLevel', params })
    expect(((wires[0] as Wire).sent.at(-1) as JSONRPCRequest).params).toEqual(params)
  },
)

test('a client whose initialize is refused takes nothing from the one that waits beside it, and the server has not failed', async () => {
  const { join, wires, held } = made()
  held.add('initialize')
  const [bad, good] = [await join(), await join()]
  const refused = bad.ask('initialize', { clientInfo: { name: 'bad' } })
  await settled()
  const accepted = good.open()
  const refuse = () => {
    const { id } = (wires.at(-1) as Wire).sent[0] as JSONRPCRequest
    wires.at(-1)?.says({ jsonrpc: '2.0', id, error: { code: -32602, message: 'a bad client' } })
  }
  held.clear()
  refuse()
  expect(await refused).toMatchObject({ error: { message: 'a bad client' } })
  expect(await accepted).toMatchObject({ result: initialized })
})

test('a server that refuses clients has not failed: the next one is not kept waiting', async () => {
  const { join, wires, held } = made()
  held.add('initialize')
  for (let at = 0; at < 6; at++) {
    const answer = (await join()).ask('initialize', {})
    await expect.poll(() => wires.length).toBe(at + 1)
    await settled()
    const { id } = (wires[at] as Wire).sent[0] as JSONRPCRequest
    wires[at]?.says({ jsonrpc: '2.0', id, error: { code: -32602, message: 'a bad client' } })
    expect(await answer).toMatchObject({ error: { message: 'a bad client' } })
  }
  held.clear()
  expect(await (await join()).open()).toMatchObject({ result: initialized })
})

test('what one has watched, or had told of its calls, does not reach the one that is alone after it', async () => {
  const { join, wires, held } = made()
  const [alice, mallory] = [await join({ owner: 'alice' }), await join({ owner: 'mallory' })]
  await alice.open()
  await mallory.open()
  await alice.ask('resources/subscribe', { uri: 'a:secret' })
  await mallory.ask('resources/subscribe', { uri: 'a:own' })
  held.add('tools/call')
  void alice.ask('tools/call', {})
  await settled()
  await alice.wire.close()
  const say = (method: string, params = {}) => wires[0]?.says({ jsonrpc: '2.0', method, params })
  say('notifications/resources/updated', { uri: 'a:secret' })
  say('notifications/tasks/status', { taskId: 'of alice' })
  say('notifications/acme/progress', {})
  expect(mallory.heard()).toEqual([])
  say('notifications/resources/updated', { uri: 'a:own' })
  say('notifications/prompts/list_changed')
  expect(mallory.heard()).toHaveLength(2)
})

test('a server that refuses to be initialized again is started with growing delays', async () => {
  const { join, wires, held } = made()
  const one = await join()
  await one.open()
  held.add('initialize')
  const refuse = async (at: number) => {
    await expect.poll(() => wires[at]?.sent.length).toBe(1)
    const { id } = (wires[at] as Wire).sent[0] as JSONRPCRequest
    wires[at]?.says({ jsonrpc: '2.0', id, error: { code: -32000, message: 'locked' } })
  }
  await wires[0]?.close()
  const answer = one.ask('tools/list')
  await refuse(1)
  expect(await answer).toMatchObject({
    error: { message: 'the server refuses to be initialized again: locked' },
  })
  await settled()
  expect(wires).toHaveLength(2) // the next one in half a second
})

test('a call that is given up holds nothing back once the server has answered it, nor does one that runs nothing', async () => {
  const { join, wires, held } = made()
  const [alice, mallory] = [await join({ owner: 'alice' }), await join({ owner: 'mallory' })]
  await alice.open()
  await mallory.open()
  for (const method of ['tools/call', 'tools/list', 'ping', 'resources/templates/list']) {
    held.add(method)
    void alice.ask(method)
  }
  await settled()
  const { id } = (wires[0] as Wire).sent.find(
    (message) => 'method' in message && message.method === 'tools/call',
  ) as JSONRPCRequest
  await alice.wire.close()
  const log = () =>
    wires[0]?.says({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info' } })
  log()
  expect(mallory.heard()).toEqual([])
  wires[0]?.says({ jsonrpc: '2.0', id, result: { content: [] } })
  log()
  expect(mallory.heard()).toHaveLength(1)
})

test('what a server has not run since it does not know the session is sent once more, to the next one', async () => {
  const { join, wires, held, told } = made()
  const one = await join()
  await one.open()
  held.add('tools/call')
  const lost = (at: number) => {
    const asked = wires[at]?.sent.findLast(
      (message) => 'method' in message && message.method === 'tools/call',
    )
    wires[at]?.says(faultAnswer((asked as JSONRPCRequest).id, new Fault(`it ${sessionIsLost}`, 'no')))
  }
  const answer = one.ask('tools/call', { name: 'x' })
  await settled()
  lost(0)
  await expect.poll(() => told(1)).toEqual(['initialize', 'notifications/initialized', 'tools/call'])
  expect(wires[0]?.isClosed).toBe(true)
  lost(1)
  expect(await answer).toMatchObject({ error: { data: { sent: 'no' } } }) // not a third time
  expect(one.heard()).toMatchObject([
    { method: 'notifications/tools/list_changed' },
    { method: 'notifications/resources/list_changed' },
  ])
})

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

const promised = { protocolVersion: '2025-11-25', capabilities: { prompts: { listChanged: true } } }

test('a client that cannot wait is answered without the server, and told of it later', async () => {
  const { join, wires, held } = made({ early: { after: 0, result: () => promised } })
  held.add('initialize')
  const one = await join()
  expect(await one.open()).toMatchObject({ result: promised })
  const listed = one.ask('prompts/list')
  await settled()
  const { id } = (wires[0] as Wire).sent[0] as JSONRPCRequest
  wires[0]?.says({ jsonrpc: '2.0', id, result: initialized })
  expect(await listed).toMatchObject({ result: { prompts: [] } }) // it has none
  expect(await one.ask('tools/list')).toMatchObject({ result: { method: 'tools/list', of: 1 } })
  expect(one.heard()).toEqual([{ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' }])
})

test('while a client waits for a server that fails, nothing is tried before its time, and nothing after the client has gone', async () => {
  let asked = 0
  class Failing extends Backoff {
    override get wait() {
      asked++
      return 60_000
    }
  }
  const early = { after: 60_000, result: () => promised }
  const before = timers()
  const { join, relay, wires } = made({ early, backoff: new Failing() })
  const one = await join()
  void one.open()
  for (let turn = 0; turn < 50; turn++) await settled()
  expect(asked).toBeLessThan(10)
  await one.wire.close()
  await relay.close()
  expect(timers()).toBe(before)
  expect(wires).toEqual([])
})

test('a server that is there in time answers itself, once', async () => {
  const { join } = made({ early: { after: 10_000, result: () => promised } })
  const one = await join()
  expect(await one.open()).toMatchObject({ result: initialized })
  expect(one.heard()).toEqual([])
})

test('one that refuses to be initialized says so itself', async () => {
  const { join, wires, held } = made({ early: { after: 10_000, result: () => promised } })
  held.add('initialize')
  const answer = (await join()).ask('initialize', { protocolVersion: '1999-01-01' })
  await settled()
  const { id } = (wires[0] as Wire).sent[0] as JSONRPCRequest
  wires[0]?.says({ jsonrpc: '2.0', id, error: { code: -32602, message: 'no such revision' } })
  expect(await answer).toMatchObject({ error: { code: -32602, message: 'no such revision' } })
})
