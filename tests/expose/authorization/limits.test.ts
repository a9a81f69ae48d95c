import { describe, expect, onTestFinished, test } from 'vitest'
import { type ExposedCommand, type ExposedUpstream, expose } from '../../../src/expose/expose.js'
import { idOf, withAgents } from '../../support/agents.js'
import { openRawSession } from '../../support/raw-session.js'
import { answerJson, plainServer } from '../../support/upstream.js'
import { ask, httpText, mcpHeaders, openWire } from '../../support/wire.js'
import { programPath } from '../programs/script.js'

/** How often each way is gone. */
const times = 25

async function exposed(target: ExposedCommand | ExposedUpstream) {
  const { world, agents } = await withAgents('one')
  const rules = [{ allow: [idOf('one')], tools: ['*'], limit: { concurrent: 1 } }]
  const server = await expose({
    ...target,
    name: `limited-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: { rules },
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  return { url: server.url, agent: agents.one }
}

const message = (name: string, id: number, args: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})
const headers = { ...mcpHeaders, 'mcp-protocol-version': '2025-11-25' }

interface Gate {
  readonly url: string
  readonly agent: string
}

const post = ({ url, agent }: Gate, name: string, more: Record<string, string> = {}) =>
  ask(url, agent, { headers: { ...headers, ...more }, body: JSON.stringify(message(name, 1)) })

/** Calls, and goes away once the call has come behind. */
async function goAway({ url, agent }: Gate, has: () => boolean, session?: string) {
  const wire = await openWire(url, agent)
  const more = session === undefined ? {} : { 'mcp-session-id': session }
  wire.socket.write(httpText('/mcp', { ...headers, ...more }, JSON.stringify(message('hang', 1))))
  await expect.poll(has, { interval: 2 }).toBe(true)
  wire.socket.destroy()
  await wire.closed
}

describe('behind a URL, there is room again after many calls that', () => {
  async function upstream() {
    let hanging = 0
    const plain = await plainServer((request, response, body) => {
      const { params } = JSON.parse(body) as { params?: { name?: string } }
      switch (params?.name) {
        case 'hang':
          hanging++
          return
        case 'break':
          return void response.destroy()
        case 'lie':
          return void response.writeHead(200, { 'content-type': 'application/json' }).end('no JSON')
        case 'refuse':
          return void response.writeHead(404).end()
        default:
          answerJson(request, response, body)
      }
    })
    const gate = await exposed({ upstream: plain.url })
    return { ...gate, plain, hanging: () => hanging }
  }
  type Upstream = Awaited<ReturnType<typeof upstream>>

  const ends: readonly (readonly [how: string, end: (gate: Upstream) => Promise<unknown>])[] = [
    ['are answered', (gate) => post(gate, 'any')],
    ['lose the server behind', (gate) => post(gate, 'break')],
    ['get an answer that is none', (gate) => post(gate, 'lie')],
    ['are refused behind', (gate) => post(gate, 'refuse')],
    ['name a session that there is not', (gate) => post(gate, 'any', { 'mcp-session-id': 'none' })],
    ['have another media type', (gate) => post(gate, 'any', { 'content-type': 'text/plain' })],
    [
      'lose their client',
      (gate) => {
        const before = gate.hanging()
        return goAway(gate, () => gate.hanging() > before)
      },
    ],
    [
      'find nobody behind',
      async (gate) => {
        await gate.plain.kill()
        await post(gate, 'any')
        await gate.plain.revive()
      },
    ],
  ]
  test.each(ends)('%s', async (_how, end) => {
    const gate = await upstream()
    for (let turn = 0; turn < times; turn++) await end(gate)
    await expect.poll(async () => (await post(gate, 'any')).body).toContain('"result"')
  })
})

describe('behind a program, there is room again after many calls that', () => {
  const ends: readonly (readonly [how: string, end: (gate: Gate) => Promise<unknown>])[] = [
    [
      'give an error of the tool',
      async (gate) => (await openRawSession(gate.url, gate.agent)).post(message('fail', 1)),
    ],
    [
      'give an error',
      async (gate) => (await openRawSession(gate.url, gate.agent)).post(message('refuse', 1)),
    ],
    ['end the program', async (gate) => (await openRawSession(gate.url, gate.agent)).post(message('die', 1))],
    ['are in no session', (gate) => post(gate, 'echo')],
    ['name a session that there is not', (gate) => post(gate, 'echo', { 'mcp-session-id': 'none' })],
    [
      'are in a session that is ended',
      async ({ url, agent }) => {
        const session = await openRawSession(url, agent)
        const call = session.post(message('hang', 1)).catch(() => {})
        await expect
          .poll(async () => (await session.post(message('echo', 2))).body, { interval: 2 })
          .toContain('RATE_LIMITED')
        await session.delete()
        await call
      },
    ],
  ]
  test.each(ends)('%s', async (_how, end) => {
    const gate = await exposed({
      command: process.execPath,
      args: [programPath('echo.mjs')],
      instances: 'session',
      maxInstances: 50,
    })
    for (let turn = 0; turn < 5; turn++) await end(gate)
    const session = await openRawSession(gate.url, gate.agent)
    await expect.poll(async () => (await session.post(message('echo', 3))).body).toContain('"result"')
  })
})
