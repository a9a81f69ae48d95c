import { describe, expect, onTestFinished, test } from 'vitest'
import { serve } from '../../src/server/index.js'
import { folded } from '../../src/text/folded.js'
import { idOf, libraryServer, withAgents } from '../support/agents.js'
import { openRawSession } from '../support/raw-session.js'
import { answerJson, exposed, plainServer } from '../support/upstream.js'
import { ask, mcpHeaders } from '../support/wire.js'

// The library of the test lets reporting use the tool `read` and no other. Every message here wants `write`, or something else forbidden.

type Meta = Readonly<Record<string, unknown>>
const envelope: Meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
const calling = (name: string, _meta: Meta = {}, more: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: {}, _meta },
  ...more,
})

function messages(_meta: Meta): Readonly<Record<string, string>> {
  const write = (more: object = {}) => JSON.stringify(calling('write', _meta, more))
  const { params: wanted } = calling('write', _meta)
  const params = JSON.stringify(wanted)
  return {
    'as it is': write(),
    'as a notification': write({ id: undefined }),
    'with an id of null': write({ id: null }),
    'with an object for an id': write({ id: {} }),
    'as an answer too': write({ result: {} }),
    'as an error too': write({ error: { code: 1, message: 'x' } }),
    'in a batch of one': `[${write()}]`,
    'in a batch behind one that is allowed': `[${JSON.stringify(calling('read', _meta))},${write({ id: 2 })}]`,
    'in a batch inside a batch': `[[${write()}]]`,
    'with its method in capitals': write({ method: 'Tools/Call' }),
    'with a space behind its method': write({ method: 'tools/call ' }),
    'with a null byte behind its method': write({ method: 'tools/call\0' }),
    'with a list of names': write({ params: { name: ['write'], arguments: {} } }),
    'with a list for params': write({ params: ['write'] }),
    'as a task': write({ params: { name: 'write', arguments: {}, task: { ttl: 1000 }, _meta } }),
    'of another JSON-RPC': write({ jsonrpc: '1.0' }),
    'behind another name': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read",${params.slice(1)}}`,
    'behind another method': `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":${params}}`,
    'before another method': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params},"method":"ping"}`,
    'in a prototype': `{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"method":"tools/call","params":${params}}}`,
    'with its params in a prototype': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":${params}}}`,
    'beside another method in another case': `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":${params}}`,
    'beside another name in another case': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","Name":"write","arguments":{}}}`,
    'beside params with a letter that folds': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{}},"param\u017f":${params}}`,
    'with escaped letters': write().replace('"method"', '"\\u006dethod"').replace('write', '\\u0077rite'),
    'with a byte order mark': `\ufeff${write()}`,
    'a prompt': JSON.stringify({
      ...calling('', _meta),
      method: 'prompts/get',
      params: { name: 'secret', _meta },
    }),
    'a resource': JSON.stringify({
      ...calling('', _meta),
      method: 'resources/read',
      params: { uri: 'file:///srv/private/a', _meta },
    }),
  }
}

const modern = { 'mcp-protocol-version': '2026-07-28' }
const heads: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'that say nothing': {},
  'of 2025-03-26': { 'mcp-protocol-version': '2025-03-26' },
  'of 2025-11-25': { 'mcp-protocol-version': '2025-11-25' },
  'of 2026-07-28': { ...modern, 'mcp-method': 'tools/call', 'mcp-name': 'write' },
  'that name another tool': { ...modern, 'mcp-method': 'tools/call', 'mcp-name': 'read' },
  'that name another method': { ...modern, 'mcp-method': 'ping' },
}

const policy = { rules: [{ allow: [idOf('reporting')], tools: ['read'] }] }

async function library(sessions: boolean) {
  const { world, agents } = await withAgents('reporting')
  const ran: string[] = []
  const server = await serve(() => libraryServer(ran), {
    name: `library-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    sessions,
    policy,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const post = (body: string, headers: Readonly<Record<string, string>>) =>
    ask(server.url, agents.reporting, { headers: { ...mcpHeaders, ...headers }, body })
  return { url: server.url, agent: agents.reporting, ran, post }
}

const metaFor = (headers: Readonly<Record<string, string>>) =>
  headers['mcp-protocol-version'] === '2026-07-28' ? envelope : {}

/** A message as Go reads it: keys in any case, of which the last wins. */
function asGoReads(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [folded(key), asGoReads(member)]))
}

/** What has run, by the messages after which it had. */
async function whatRuns(
  { post, ran }: Awaited<ReturnType<typeof library>>,
  headers: Readonly<Record<string, string>>,
) {
  const found: Record<string, string[]> = {}
  for (const [how, body] of Object.entries(messages(metaFor(headers)))) {
    const { status } = await post(body, headers)
    expect(status, how).toBeLessThan(500)
    if (ran.length > 0) found[how] = ran.splice(0)
  }
  return found
}

describe('a call that no rule allows does not run, whatever is around it', () => {
  test.each(Object.entries(heads))('with headers %s', async (_what, headers) => {
    expect(await whatRuns(await library(false), headers)).toEqual({})
  })

  test.each(['2025-03-26', '2025-11-25'])('in a session of %s', async (protocolVersion) => {
    const served = await library(true)
    const { id } = await openRawSession(served.url, served.agent, { protocolVersion })
    const headers = { 'mcp-session-id': id, 'mcp-protocol-version': protocolVersion }
    expect(await whatRuns(served, headers)).toEqual({})
    await served.post(JSON.stringify(calling('read')), headers)
    expect(served.ran).toEqual(['read'])
  })

  test.each(Object.entries(heads))(
    'nor does a server behind expose hear of it, with headers %s',
    async (_what, headers) => {
      const { world, agents } = await withAgents('reporting')
      const behind = await plainServer(answerJson)
      const { url } = await exposed(behind.url, world, { policy })
      for (const body of Object.values(messages(metaFor(headers))))
        await ask(url, agents.reporting, { headers: { ...mcpHeaders, ...headers }, body })
      const heard = behind.requests.map(({ body }) => body).filter((body) => body !== '')
      const read = heard.map((body) => asGoReads(JSON.parse(body)) as { method: string })
      expect(read.filter(({ method }) => method !== 'ping')).toEqual([])
      await ask(url, agents.reporting, { body: JSON.stringify(calling('read')) })
      expect(behind.requests.at(-1)?.body).toContain('read')
    },
  )

  test('and one that a rule allows does', async () => {
    const { post, ran } = await library(false)
    await post(JSON.stringify(calling('read')), {})
    await post(JSON.stringify(calling('read', envelope)), {
      ...modern,
      'mcp-method': 'tools/call',
      'mcp-name': 'read',
    })
    expect(ran).toEqual(['read', 'read'])
  })
})
