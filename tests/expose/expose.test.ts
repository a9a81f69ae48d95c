import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { type ExposeOptions, expose, MtlsError } from '../../src/expose/index.js'
import { serve } from '../../src/server/index.js'
import { certificateDirectory } from '../support/certificates.js'
import { alive } from '../support/processes.js'
import { refusalOf } from '../support/refusal.js'
import { testServer } from '../support/world.js'

const program = fileURLToPath(new URL('./programs/echo.mjs', import.meta.url))
const command = { command: process.execPath, args: [program] }

// JavaScript does not refuse these.
const mistakes: Readonly<Record<string, () => Promise<unknown>>> = {
  // @ts-expect-error nothing
  'expose()': () => expose(),
  // @ts-expect-error text instead of options
  'expose(command)': () => expose('npx'),
  // @ts-expect-error a list instead of options
  'expose([command, …])': () => expose(['npx', '-y', 'server']),
  // @ts-expect-error a URL instead of options
  'expose(URL)': () => expose(new URL('http://127.0.0.1:9000/mcp')),
}

test.each(Object.entries(mistakes))('%s gets one sentence with the right call', async (_name, act) => {
  const error = await refusalOf(act())
  expect(error).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('expose({ command:'),
  })
  expect(error.message).not.toContain('\n')
})

test.each([
  ['nothing to expose', {}, /command: missing: give a command, or the URL of an upstream/],
  ['both', { ...command, upstream: 'http://127.0.0.1:1/' }, /command: is for a command/],
  ['an option that is not there', { ...command, max: 1 }, /max: there is no such option/],
])('%s is refused before anything is read', async (_, options, message) => {
  const error = await refusalOf(expose(options as unknown as ExposeOptions))
  expect(error).toBeInstanceOf(MtlsError)
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) })
})

test('a program that cannot be found is told with a hint, and not started', async () => {
  const tls = { certDir: await certificateDirectory() }
  const error = await refusalOf(expose({ command: 'no-such-program', tls, log: false }))
  expect(error).toMatchObject({
    code: 'COMMAND_NOT_FOUND',
    hint: expect.stringContaining('Install the program'),
  })
})

test('a program is served over mutual TLS, with the environment of this process, until it is closed', async () => {
  const tls = { certDir: await certificateDirectory() }
  const events: string[] = []
  const server = await expose({
    ...command,
    env: { MCP_MTLS_OTHER: 'given' },
    tls,
    log: false,
    onSecurityEvent: ({ event }) => events.push(event),
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  expect(server.name).toBe('echo')
  expect(server.health()).toMatchObject({ children: { alive: 0, starts: 0, deaths: 0 }, calls_in_flight: 0 })

  const client = await connect({ serverUrl: server.url, tls, retryAttempts: 0, log: false })
  onTestFinished(() => client.close())
  const facts = async (name: string) =>
    (await client.callTool({ name, arguments: {} })).structuredContent as Record<string, unknown>
  expect(await facts('whoami')).toMatchObject({
    caller: { id: 'cn:forged' },
    env: { MCP_MTLS_OTHER: 'given', MCP_MTLS_CALLER_ID: 'cn:forged' },
  })
  const { pid, parent } = await facts('pid')
  expect(parent).toBe(process.pid)
  // Another has said before that it does not speak 2026-07-28.
  await expect.poll(() => server.health()).toMatchObject({ children: { alive: 1, starts: 2, deaths: 0 } })
  expect(events).toContain('connection-accepted')

  await client.close()
  await server.close()
  expect(alive(Number(pid))).toEqual([])
})

test('a server that answers plain HTTP is served over mutual TLS', async () => {
  const tls = { certDir: await certificateDirectory() }
  const behind = await serve(() => testServer(), { name: 'behind-expose', tlsEnabled: false, log: false })
  onTestFinished(() => behind.close({ drainTimeout: 0 }))
  const server = await expose({ upstream: new URL(behind.url), tls, log: false })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  expect(server.name).toBe('upstream')

  const client = await connect({ serverUrl: server.url, tls, retryAttempts: 0, log: false })
  onTestFinished(() => client.close())
  const direct = await connect({ serverUrl: behind.url, useTls: false, log: false })
  onTestFinished(() => direct.close())
  expect(await client.listTools()).toEqual(await direct.listTools())
  expect(server.health()).toMatchObject({ upstream: { reachable: true }, calls_in_flight: 0 })
})
