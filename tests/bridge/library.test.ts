import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { type BridgeEvent, type BridgeOptions, bridge } from '../../src/bridge/index.js'
import { root } from '../architecture/sources.js'
import { startNode } from '../support/cli.js'
import { clientV2 } from '../support/compare/clients.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
}

test('one client on streams, until they end', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const [input, output] = [new PassThrough(), new PassThrough()]
  const events: BridgeEvent[] = []
  const running = await bridge({
    servers: { serverUrl: served.server.url, tls: { certDir: world.certDir } },
    stdio: { input, output },
    initializeWithin: '30s',
    onEvent: (event) => events.push(event),
  })
  onTestFinished(() => running.close())
  expect(running.url).toBeUndefined()
  let printed = ''
  output.setEncoding('utf8').on('data', (chunk) => (printed += chunk))
  input.write(`${JSON.stringify(initialize)}\n`)
  await expect.poll(() => printed).toMatch(/"protocolVersion":"2025-11-25".*\n$/)
  input.end()
  await running.closed
  expect(events).toEqual([{ event: 'connected', message: expect.stringContaining('localhost') }])
})

test.each(['before it starts', 'while it runs'])('a signal that aborts %s ends it', async (when) => {
  await using world = await makeWorld()
  const controller = new AbortController()
  if (when === 'before it starts') controller.abort()
  const running = await bridge({
    servers: { serverUrl: 'https://localhost:1/mcp', tls: { certDir: world.certDir } },
    listen: {},
    signal: controller.signal,
  })
  controller.abort()
  await running.closed
  await expect(fetch(running.url ?? '')).rejects.toThrow()
})

test('`await using` ends it, and several servers are one', async () => {
  await using world = await makeWorld()
  const all = [await serveTest({ tls: world.tls }), await serveTest({ tls: world.tls })]
  for (const served of all) onTestFinished(() => served[Symbol.asyncDispose]())
  let url = ''
  {
    await using running = await bridge({
      servers: all.map(({ server }, at) => ({
        name: `server${at}`,
        serverUrl: server.url,
        tls: { certDir: world.certDir },
      })),
      listen: { host: 'localhost' },
      initializeWithin: '30s',
    })
    url = running.url ?? ''
    await using peer = await clientV2({ url })
    const { tools } = await peer.client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(
      [0, 1].flatMap((at) => ['echo', 'who', 'count'].map((name) => `server${at}_${name}`)),
    )
  }
  await expect(fetch(url)).rejects.toThrow()
})

const serverUrl = 'https://localhost:1/mcp'

test.each<readonly [string, object, RegExp]>([
  ['no options', undefined as unknown as object, /bridge\(\{ servers/],
  ['no servers', {}, /servers/],
  ['an empty list', { servers: [] }, /at least one server/],
  [
    'two of a name',
    { servers: [1, 2].map(() => ({ name: 'one', serverUrl })) },
    /two servers are called "one"/,
  ],
  ['what connect() alone has', { servers: { serverUrl, reconnection: {} } }, /reconnection.*leave it out/],
  ['a misspelled option', { servers: { serverUrl }, lisen: {} }, /lisen.*did you mean listen\?/],
  ['a misspelled part of one', { servers: { serverUrl }, listen: { prot: 1 } }, /prot.*did you mean port\?/],
  ['a port that is none', { servers: { serverUrl }, listen: { port: 70_000 } }, /listen\.port.*65535/],
  [
    'a place beyond loopback',
    { servers: { serverUrl }, listen: { host: '0.0.0.0' } },
    /listen\.host.*loopback/,
  ],
  ['a page that is no origin', { servers: { serverUrl }, listen: { origin: '*' } }, /listen\.origin.*origin/],
  ['no duration', { servers: { serverUrl }, initializeWithin: 'soon' }, /initializeWithin/],
  ['no streams', { servers: { serverUrl }, stdio: {} }, /stdio.*input/],
  ['two places', { servers: { serverUrl }, listen: {}, stdio: process }, /stdio.*listen/],
  ['no function', { servers: { serverUrl }, onEvent: 'x' }, /onEvent/],
  ['no signal', { servers: { serverUrl }, signal: 'x' }, /signal/],
])('%s: CONFIG_INVALID with words', async (_what, options, words) => {
  const opened = bridge(options as BridgeOptions).then((running) => {
    onTestFinished(() => running.close())
    return running
  })
  await expect(opened).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(words),
  })
})

test('certificates that are not there are named before anything listens', async () => {
  const certDir = scratch()
  await expect(bridge({ servers: { serverUrl, tls: { certDir } }, listen: {} })).rejects.toMatchObject({
    code: 'CERT_NOT_FOUND',
    message: expect.stringContaining(certDir),
  })
})

test('it prints nothing, whatever happens, and leaves nothing that keeps a program running', async () => {
  await using world = await makeWorld()
  const program = `import { bridge } from 'mcp-mtls/bridge'
    const servers = { serverUrl: '${serverUrl}', tls: { certDir: ${JSON.stringify(world.certDir)} } }
    const running = await bridge({ servers, listen: {} })
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const body = ${JSON.stringify(JSON.stringify(initialize))}
    for (const path of ['', '/x']) await (await fetch(running.url + path, { method: 'POST', headers, body })).text()
    await running.close()`
  const { finished } = startNode(['--input-type=module', '-e', program], { cwd: root })
  expect(await finished).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
})

test('an onEvent that throws ends nothing; what could not listen keeps no program running', async () => {
  await using world = await makeWorld()
  const program = `import { createServer } from 'node:net'
    import { bridge } from 'mcp-mtls/bridge'
    process.on('warning', ({ message }) => process.stdout.write(message + '; '))
    const servers = { serverUrl: '${serverUrl}', tls: { certDir: ${JSON.stringify(world.certDir)} } }
    const other = createServer().listen(0, '127.0.0.1', async () => {
      const taken = { servers, listen: { port: other.address().port } }
      await bridge(taken).catch(({ code }) => process.stdout.write(code + '; '))
      other.close()
      let heard
      const isTold = new Promise((resolve) => (heard = resolve))
      const onEvent = () => {
        heard()
        throw new Error('of the program')
      }
      const running = await bridge({ servers, listen: {}, onEvent })
      const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
      const body = ${JSON.stringify(JSON.stringify(initialize))}
      const { status } = await fetch(running.url, { method: 'POST', headers, body })
      await isTold
      await running.close()
      process.stdout.write('answered ' + status)
    })`
  const { finished } = startNode(['--input-type=module', '-e', program], { cwd: root })
  const { exitCode, stdout } = await finished
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^PORT_IN_USE; (an onEvent failed: Error: of the program; )+answered 200$/),
  })
})
