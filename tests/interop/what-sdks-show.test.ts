import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { Agent, fetch } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { type Forged, forge, forgeCa, writeSet } from '../support/forge.js'
import { printedBy } from '../support/other-clients.js'
import { pythonWithSdk } from '../support/python-sdk.js'
import { Script, slowServer } from '../support/slow-server.js'
import { describeWith, onPath } from '../support/tools.js'
import { clientTls, mcpHeaders, toolCall } from '../support/wire.js'
import { makeWorld, type Served, serveTest, testServer, type World } from '../support/world.js'

// docs/errors.md says what a person sees in each SDK when a server refuses, and it is tried here. SDK_PYTHONS names
// interpreters that have the Python SDK, one for each version to try.

interface Shown {
  readonly url: string
  readonly ca: string
  /** Client certificate and key, where there is one. */
  readonly pair?: { readonly cert: string; readonly key: string }
}

/** What a person sees who calls a tool. */
type Client403 = (call: Shown) => Promise<string>

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
  ([, ...cells]) => cells,
)

/** The cells of the row of a client: what it shows of a 403, a 429 and a 404. */
function cellsOf(client: string): readonly string[] {
  const [row] = rows.filter(([name]) => name === client)
  expect(row, `docs/errors.md has a row for ${client}`).toBeDefined()
  return row?.slice(1, 4) ?? []
}

/** Without what differs between the refusals, and between machines and days. */
function pattern(printed: string): string {
  expect(printed).not.toBe('')
  return printed
    .replace(/\{"jsonrpc".*"message":"([^"]*)".*\}/, '{…"message":"$1"…}')
    .replace(/the client showed no certificate/g, 'MESSAGE')
    .replace(/certificate CN=\S+ expired on [\dTZ:.…-]+/g, 'MESSAGE')
    .replace(/certificate CN=\S+ was issued by CN=\S+, which is not a trusted CA here/g, 'MESSAGE')
    .replace(/no client certificate|certificate expired|certificate of no CA trusted here/g, 'PHRASE')
    .replace(/CLIENT_CERT_REQUIRED|CERT_EXPIRED|CLIENT_CERT_REJECTED/g, 'CODE')
    .replace(/at localhost:\d+/g, 'at …')
    .replace(/session ID: [\w-]+/, 'session ID: …')
}

let world: World
let strict: Served
let busy: Served
let losing: Awaited<ReturnType<typeof losingSessions>>
let holder: Agent
/** The answer of its request: one that nobody keeps is collected, and ended with that. */
const held: unknown[] = []
const script = new Script()
const shown: Record<'none' | 'expired' | 'unknown' | 'good', Omit<Shown, 'url'>> = {} as never

beforeAll(async () => {
  world = await makeWorld()
  const ca = join(world.certDir, 'ca.crt')
  const pairOf = async (name: string, client: Forged) => {
    const folder = join(world.certDir, name)
    await writeSet(folder, { ca: world.ca, client })
    return { ca, pair: { cert: join(folder, 'client.crt'), key: join(folder, 'client.key') } }
  }
  const past = new Date(Date.now() - 3_600_000)
  const elsewhere = await forgeCa({ commonName: 'Elsewhere' })
  shown.none = { ca }
  shown.expired = await pairOf('expired', await forge({ issuer: world.ca, usage: 'client', notAfter: past }))
  shown.unknown = await pairOf('unknown', await forge({ issuer: elsewhere, usage: 'client' }))
  shown.good = await pairOf('good', world.client)
  strict = await serveTest({ tls: world.tls })
  const limits = { maxRequestsPerIdentity: 1 }
  busy = await serveTest({ tls: world.tls, limits }, () => slowServer(script))
  // Holds the one request that an identity may have there, until the server closes.
  const waiting = { method: 'POST', headers: mcpHeaders, body: toolCall('wait') }
  holder = new Agent({ connect: clientTls(world.certDir) })
  fetch(busy.server.url, { ...waiting, dispatcher: holder }).then(
    (answer) => held.push(answer),
    () => {},
  )
  await script.started.opened
  losing = await losingSessions()
})
afterAll(async () => {
  losing.close()
  held.length = 0
  await holder.destroy()
  for (const served of [strict, busy]) await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** An MCP server with sessions, as the SDK has them, that is another one whenever a tool is called. */
async function losingSessions() {
  const headers = mcpHeaders
  const begin = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      enableJsonResponse: true,
    })
    await testServer().connect(transport)
    return transport
  }
  let transport = await begin()
  const server = createServer(async ({ method = '', headers: given }, response) => {
    const body = await text(response.req)
    const called = /"method":\s*"([^"]*)"/.exec(body)?.[1]
    if (called === 'initialize') transport = await begin()
    if (called === 'tools/call') {
      transport = await begin()
      const params = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      }
      const initialize = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
      await transport.handleRequest(
        new Request('http://localhost/mcp', { method: 'POST', headers, body: initialize }),
      )
    }
    if (method === 'GET') return void response.writeHead(405).end()
    const init = { method, headers: given as Record<string, string>, ...(body && { body }) }
    const answer = await transport.handleRequest(new Request('http://localhost/mcp', init))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://localhost:${port}/mcp`, close: () => server.close() }
}

/** The tests of one client, whose row begins with this name. */
function shows(name: string, client: Client403, cases: readonly ('none' | 'expired' | 'unknown')[]) {
  test.each(cases)(`${name} shows of a 403 (%s) what docs/errors.md says`, async (certificate) => {
    const printed = await client({ url: strict.server.url, ...shown[certificate] })
    expect(pattern(cellsOf(name)[0] ?? '')).toContain(pattern(printed))
  })

  test(`${name} shows of a 429 what docs/errors.md says`, async () => {
    const printed = await client({ url: busy.server.url, ...shown.good })
    expect(pattern(cellsOf(name)[1] ?? '')).toContain(pattern(printed))
  })

  if (name === 'curl') return
  test(`${name} shows of a session that has ended what docs/errors.md says`, async () => {
    const printed = await client({ url: losing.url, ca: shown.none.ca })
    expect(pattern(cellsOf(name)[2] ?? '')).toContain(pattern(printed))
  })
}

const everyCase = ['none', 'expired', 'unknown'] as const
const info = { name: 'interop', version: '1.0.0' }

interface AnyClient<Transport> {
  connect(transport: Transport): Promise<void>
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>
  close(): Promise<void>
}

/** A client of the TypeScript SDK with Node's own TLS; what an uncaught error prints first. */
function typescript<Transport>(
  client: () => AnyClient<Transport>,
  transport: new (url: URL, options: { fetch: never }) => Transport,
  look: (error: Error) => string = String,
): Client403 {
  return async ({ url, ca, pair }) => {
    const files = {
      ca: readFileSync(ca),
      ...(pair && { cert: readFileSync(pair.cert), key: readFileSync(pair.key) }),
    }
    const dispatcher = new Agent({ connect: files })
    const overTls = (to: string, init: object) => fetch(to, { ...init, dispatcher })
    const made = client()
    try {
      await made.connect(new transport(new URL(url), { fetch: overTls as never }))
      await made.callTool({ name: 'echo', arguments: { text: 'hello' } })
      return 'no error'
    } catch (error) {
      return look(error as Error)
    } finally {
      await made.close()
      await dispatcher.destroy()
    }
  }
}

const versionOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8'))
    .version
const v1 = () => new ClientV1(info) as unknown as AnyClient<TransportV1>
const v2 = () => new Client(info) as AnyClient<StreamableHTTPClientTransport>
const auto = () =>
  new Client(info, { versionNegotiation: { mode: 'auto' } }) as AnyClient<StreamableHTTPClientTransport>
const second = versionOf('@modelcontextprotocol/client')

shows(`TypeScript ${versionOf('@modelcontextprotocol/sdk')}`, typescript(v1, TransportV1 as never), everyCase)
shows(`TypeScript ${second}`, typescript(v2, StreamableHTTPClientTransport as never), everyCase)
shows(`TypeScript ${second}, \`auto\``, typescript(auto, StreamableHTTPClientTransport as never), everyCase)

test.each([
  ['default', v2],
  ['auto', auto],
])('TypeScript v2 (%s) has the whole refusal in error.data', async (_mode, client) => {
  const look = (error: Error) => JSON.stringify((error as Error & { data?: object }).data)
  const ask = typescript(client, StreamableHTTPClientTransport as never, look)
  const { status, statusText, text: body } = JSON.parse(await ask({ url: strict.server.url, ...shown.none }))
  expect([status, statusText]).toEqual([403, 'Refused: no client certificate (CLIENT_CERT_REQUIRED)'])
  expect(JSON.parse(body)).toMatchObject({ reason: 'CLIENT_CERT_REQUIRED' })
})

shows(
  'ours',
  async ({ url, ca, pair }) => {
    const tls = { caCert: ca, ...(pair && { clientCert: pair.cert, clientKey: pair.key }) }
    const useTls = url.startsWith('https:')
    try {
      await using client = await connect({ serverUrl: url, log: false, ...(useTls ? { tls } : { useTls }) })
      await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
      return 'no error'
    } catch (error) {
      const { code, message } = error as Error & { code: string }
      return `${code}: ${message}`
    }
  },
  // It looks at its own certificate first: what is missing or has expired never reaches a server.
  ['unknown'],
)

shows('curl', async ({ url, ca, pair }) => (await printedBy('curl', { url, ca, ...pair })).trim(), everyCase)

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

/** What a program prints on both outputs. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) =>
    execFile(program, args, { timeout: 60_000 }, (_error, stdout, stderr) => resolve(stdout + stderr)),
  )
}

const argumentsOf = ({ url, ca, pair }: Shown) => [url, ca, ...(pair ? [pair.cert, pair.key] : [])]

for (const major of [1, 2]) {
  const python = pythonWithSdk(major)
  const tool = `Python SDK ${major}.x`
  describeWith(tool, python !== undefined, `the ${tool}`, () =>
    shows(
      `Python ${major === 1 ? '1.30' : '2.3'}`,
      async (call) => {
        const printed = await run(python ?? '', [fixture('sdk_client.py'), ...argumentsOf(call)])
        const errors = [...printed.matchAll(/^[\s|]*((?:\w+\.)+\w*Error: .*)$/gm)].map(
          ([, line = '']) => line,
        )
        return errors.at(-1)?.replace(/ for url '.*/, '') ?? printed
      },
      everyCase,
    ),
  )
}

const goModule = fixture('go-sdk')
const goSdk = /go-sdk v(\d+\.\d+)/.exec(readFileSync(join(goModule, 'go.mod'), 'utf8'))?.[1]

/** Runs Go in the module of the client, without a network. */
function go(...args: string[]): void {
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOPROXY: 'off', GOFLAGS: '-mod=readonly' }
  execFileSync('go', args, { cwd: goModule, stdio: 'pipe', env })
}

function hasGoSdk(): boolean {
  try {
    go('list', '-deps', '.')
    return true
  } catch {
    return false
  }
}

const tool = 'Go SDK (go mod download in tests/interop/fixtures/go-sdk)'
describeWith(tool, onPath('go') !== undefined && hasGoSdk(), 'the Go SDK', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
    go('build', '-o', join(folder, 'client'), '.')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  shows(
    `Go ${goSdk}`,
    async (call) =>
      (await run(join(folder, 'client'), argumentsOf(call))).replace(/^[\d/]+ [\d:]+ /, '').trim(),
    everyCase,
  )
})
