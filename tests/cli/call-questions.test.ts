import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askingServer, atTerminal, showcase } from '../support/calling.js'
import { startCli } from '../support/cli.js'
import { foreignServer } from '../support/foreign-server.js'
import { gate, Script, slowServer } from '../support/slow-server.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

let world: World
let served: Record<'2026-07-28' | '2025-11-25', Served>
const cancelled = gate()
const started = gate()
beforeAll(async () => {
  world = await makeWorld()
  const onCall = (_name: string, signal: AbortSignal) => {
    signal.addEventListener('abort', () => cancelled.open())
    started.open()
  }
  served = {
    '2026-07-28': await serveTest({ tls: world.tls }, showcase),
    '2025-11-25': await serveTest({ tls: world.tls, sessions: true }, () => askingServer(onCall) as never),
  }
})
afterAll(async () => {
  for (const one of Object.values(served)) await one[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

describe.each(['2026-07-28', '2025-11-25'] as const)('a server of %s', (era) => {
  const at = (...args: string[]) =>
    atTerminal(['call', served[era].server.url, ...args, '--cert-dir', world.certDir])

  test('asks for the fields of a form, each until it has what is wanted', async () => {
    const { shown, type, done, stdout, stderr } = at('form')
    await shown(/asks:\n {4}Who are you\? \\x1b\[2Jred/)
    await shown(/name: Your name \(string from 2 characters\)\n/)
    await shown(/name: $/)
    type('x')
    await shown(/it must NOT have fewer than 2 characters\n {2}name: $/)
    type('')
    await shown(/a value is needed\n {2}name: $/)
    type('Ada')
    await shown(/age: \(integer from 0 to 150\)\n {2}age: $/)
    type('old')
    await shown(/"old" is not an integer from 0 to 150\n {2}age: $/)
    type('200')
    await shown(/it must be <= 150\n {2}age: $/)
    type('36')
    await shown(/colour: \(r \| b, may be left empty\)\n {4}1 {2}r {2}Red\n {4}2 {2}b {2}Blue\n {2}colour: $/)
    type('3')
    await shown(/"3" is none of them: type a number from 1 to 2\n {2}colour: $/)
    type('Blue')
    await shown(/news \[false\]: $/)
    type('')
    expect(await done).toBe(0)
    const content = { name: 'Ada', age: 36, colour: 'b', news: false }
    expect(JSON.parse(stdout())).toEqual({ action: 'accept', content })
    expect(stderr().replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test('takes lines that come at once', async () => {
    const { shown, type, done, stdout } = at('form')
    await shown(/name: $/)
    type('Ada\n36\n\ny')
    expect(await done).toBe(0)
    expect(JSON.parse(stdout()).content).toEqual({ name: 'Ada', age: 36, news: true })
  })

  test.each([
    ['!decline', 'decline'],
    ['!cancel', 'cancel'],
  ])('%s ends the form', async (line, action) => {
    const { shown, type, done, stdout } = at('form')
    await shown(/name: $/)
    type(line)
    expect([await done, JSON.parse(stdout())]).toEqual([0, { action }])
  })

  test('the end of the input ends the form', async () => {
    const { shown, end, done, stdout } = at('form')
    await shown(/name: $/)
    end()
    expect([await done, JSON.parse(stdout())]).toEqual([0, { action: 'cancel' }])
  })

  test('shows a page to open, and waits until it is done', async () => {
    const { shown, type, done, stdout } = at('page')
    await shown(/open this page, .*: https:\/\/login\.example\/device\nDone\?.*: $/)
    type('what')
    await shown(/Done\?.*: $/)
    type('yes')
    expect([await done, JSON.parse(stdout())]).toEqual([0, { action: 'accept' }])
  })

  test('lets a person speak for a language model, or refuse', async () => {
    const { shown, type, done, stdout } = at('sample')
    await shown(
      /system:\n {4}Be brief\n {2}user:\n {4}A haiku, please\nAnswer, or an empty line to refuse: $/,
    )
    type('old pond')
    expect(await done).toBe(0)
    expect(JSON.parse(stdout())).toMatchObject({ model: 'a person', content: { text: 'old pond' } })
    const refusing = at('sample')
    await refusing.shown(/refuse: $/)
    refusing.type('')
    expect(await refusing.done).toBe(1)
    expect(refusing.stderr() + refusing.stdout()).toContain('refused to answer')
  })
})

describe('Ctrl-C cancels the call, and the exit code is 130', () => {
  test('a server with sessions sees it aborted', async () => {
    const { url } = served['2025-11-25'].server
    const { process, finished } = startCli(['call', url, 'slow', '--cert-dir', world.certDir])
    await started.opened
    process.kill('SIGINT')
    await cancelled.opened
    expect(await finished).toMatchObject({ exitCode: 130, stdout: '' })
  })

  test('any server of the older revisions is sent notifications/cancelled', async () => {
    const called = gate<number>()
    const heard = gate<unknown>()
    await using foreign = await foreignServer(world.server, ({ method: verb }, response, body) => {
      if (verb !== 'POST') return void response.writeHead(405).end()
      const { id, method, params } = JSON.parse(body)
      if (method === 'notifications/cancelled') heard.open(params)
      if (id === undefined) return void response.writeHead(202).end()
      if (method === 'tools/call') return called.open(id)
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'old', version: '1.0.0' },
        },
        'tools/list': { tools: [{ name: 'slow', inputSchema: { type: 'object' } }] },
      }
      const answer = results[method]
        ? { result: results[method] }
        : { error: { code: -32601, message: 'no' } }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
    const { process, finished } = startCli(['call', foreign.url, 'slow', '--cert-dir', world.certDir])
    const requestId = await called.opened
    process.kill('SIGINT')
    expect(await heard.opened).toMatchObject({ requestId })
    expect(await finished).toMatchObject({ exitCode: 130, signal: null })
  })

  test('a server of the newest revision sees it aborted', async () => {
    const script = new Script()
    await using slow = await serveTest({ tls: world.tls }, () => slowServer(script))
    const { process, finished } = startCli(['call', slow.server.url, 'wait', '--cert-dir', world.certDir])
    await script.started.opened
    process.kill('SIGTERM')
    await script.aborted.opened
    expect(await finished).toMatchObject({ exitCode: 130, signal: null })
  })
})
