import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { idOf, libraryServer } from '../../support/agents.js'
import {
  type Era,
  eras,
  everyKindAndEra,
  type GuardedParts,
  guarded,
  kinds,
  libraryBehind,
  type Message,
  said,
  speaker,
} from '../../support/guarded.js'
import { messagesIn, openStream } from '../../support/raw-session.js'
import { ask, mcpHeaders } from '../../support/wire.js'

const call = (name: string, id: unknown = 1, args: unknown = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

const notification = (name: string) => ({
  jsonrpc: '2.0',
  method: 'tools/call',
  params: { name, arguments: {} },
})

describe.each(kinds)('a batch, before %s', (kind) => {
  const batches: Readonly<Record<string, unknown>> = {
    'an allowed and a forbidden call': [call('read', 1), call('write', 2)],
    'the forbidden one first': [call('write', 1), call('read', 2)],
    'a batch in a batch': [[call('write')]],
    'a batch in a batch, beside a call': [call('read', 1), [call('write', 2)]],
    'two calls with one id': [call('read'), call('write')],
    'two calls with one id, the forbidden one first': [call('write'), call('read')],
    'an initialize': [
      {
        jsonrpc: '2.0',
        id: 9,
        method: 'initialize',
        params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
      },
      call('write'),
    ],
    'a call without an id': [{ jsonrpc: '2.0', id: 1, method: 'ping' }, notification('write')],
    'a call with no id': [{ jsonrpc: '2.0', id: 1, method: 'ping' }, call('write', null)],
    'a call beside what is none': [call('write'), 7, 'write', null],
    'an answer that calls': [{ ...call('write'), result: {} }],
    nothing: [],
  }

  test('with something forbidden in it runs none of that', async () => {
    const library = await guarded(kind)
    const { say } = await speaker(library, 'reporting', 'legacy', '2025-03-26')
    const version = { 'mcp-protocol-version': '2025-03-26' }
    for (const [name, batch] of Object.entries(batches)) {
      const came = library.came.length
      const { body } = await say({ body: JSON.stringify(batch), headers: version })
      expect(library.ran, name).not.toContain('write')
      expect(library.came.slice(came).join(), name).not.toContain('write')
      expect(body, name).not.toContain('written')
    }
    const { body } = await say({
      body: JSON.stringify([call('read', 1), { jsonrpc: '2.0', id: 2, method: 'tools/list' }]),
      headers: version,
    })
    expect(library.ran.at(-1)).toBe('read')
    expect(body).toContain('"tools"')
    expect(body).not.toContain('write')
  })

  test.each(['2025-06-18', '2025-11-25', '2026-07-28'])('is none in revision %s', async (revision) => {
    const library = await guarded(kind)
    const { say } = await speaker(library, 'admin', 'legacy')
    const headers = { 'mcp-protocol-version': revision }
    const { status } = await say({ body: JSON.stringify([call('write')]), headers })
    expect(status).toBe(400)
    expect(library.ran).toEqual([])
  })
})

describe.each(kinds.slice(2))('notifications, before %s', (kind) => {
  test('reach what is behind if they are known, and not if they are not', async () => {
    const library = await guarded(kind)
    const { say } = await speaker(library, 'reporting', 'legacy')
    const before = library.came.length
    const notify = async (method: string) => {
      const { status } = await say({
        body: JSON.stringify({ jsonrpc: '2.0', method, params: { name: 'x' } }),
      })
      expect(status, method).toBe(202)
    }
    const known = ['notifications/initialized', 'notifications/roots/list_changed']
    for (const method of [
      'tools/call',
      'notifications/tools/call',
      'notifications/Roots/list_changed',
      'notifications/roots/list_changed ',
      'notifications/message',
      'notifications/x',
      'initialize',
      '__proto__',
      '',
    ])
      await notify(method)
    await notify('notifications/roots/list_changed')
    await say({ body: JSON.stringify({ jsonrpc: '2.0', id: 'x', result: {} }) })
    const { status } = await say({ body: JSON.stringify(call('read')) })
    expect(status).toBe(200)
    const methods = library.came.slice(before).map((text) => JSON.parse(text).method)
    expect(methods.filter((method) => method !== undefined && !known.includes(method))).toEqual([
      'tools/call',
    ])
    expect(methods).toContain('notifications/roots/list_changed')
  })

  test('and answers do not come with the headers of a call', async () => {
    const library = await guarded(kind)
    const { say } = await speaker(library, 'reporting', 'legacy')
    const before = library.came.length
    for (const message of [
      { method: 'notifications/progress', params: { progressToken: 1, progress: 1 } },
      { id: 1, result: {} },
      { id: 1, error: { code: 1, message: 'x' } },
    ])
      for (const name of [undefined, 'write']) {
        const { status } = await say({
          body: JSON.stringify({ jsonrpc: '2.0', ...message }),
          headers: { 'mcp-method': 'tools/call', ...(name && { 'mcp-name': name }) },
        })
        expect(status).toBe(400)
      }
    expect(library.came.slice(before).filter((text) => !text.includes('initialized'))).toEqual([])
  })

  test('that nobody knows are dropped from a batch', async () => {
    const library = await guarded(kind)
    const { say } = await speaker(library, 'reporting', 'legacy', '2025-03-26')
    const before = library.came.length
    await say({
      body: JSON.stringify([notification('write'), call('read'), { jsonrpc: '2.0', method: 'x/y' }]),
      headers: { 'mcp-protocol-version': '2025-03-26' },
    })
    const methods = library.came
      .slice(before)
      .flatMap((text) => [JSON.parse(text)].flat().map(({ method }) => method))
    expect(methods.filter((method) => method !== 'notifications/initialized')).toEqual(['tools/call'])
  })
})

describe.each(everyKindAndEra)('conditions, before %s, %s clients', (kind, era) => {
  const rule = (when: string) => ({
    rules: [{ allow: ['anyone'], tools: ['write'], when }],
  })
  const run = async (when: string, all: readonly string[]) => {
    const library = await guarded(kind, { policy: rule(when) })
    const { say } = await speaker(library, 'reporting', era)
    const ran: string[] = []
    for (const text of all) {
      const before = library.ran.length
      const { body, headers } = said(era, 'tools/call', { name: 'write', arguments: '#' })
      await say({ headers, body: body.replace('"#"', () => text) })
      if (library.ran.length > before) ran.push(text)
    }
    return ran
  }

  test('read what the call brings, and nothing that it inherits', async () => {
    expect(
      await run('mcp.tool.arguments.days <= 3', [
        '{"days":3}',
        '{"days":4}',
        '{"days":3,"days":4}',
        '{"days":4,"days":3}',
        '{"days":"3"}',
        '{"days":[3]}',
        '{"days":null}',
        '{"__proto__":{"days":3}}',
        '{"days":4,"__proto__":{"days":3}}',
        '{"constructor":{"days":3}}',
        '{}',
        '[3]',
        '[{"days":3}]',
        '"days"',
        '3',
        'null',
        'true',
      ]),
    ).toEqual(['{"days":3}', '{"days":4,"days":3}'])
  })

  test('read no number that is none by the time it arrives', async () => {
    const allowed = await run('double(mcp.tool.arguments.limit) <= 100.0', [
      '{"limit":100}',
      '{"limit":-1e308}',
      '{"limit":-1e309}',
      '{"limit":-1e99999}',
      '{"limit":1e309}',
      '{"limit":1,"others":[{"limit":-1e309}]}',
    ])
    expect(allowed).toEqual(['{"limit":100}', '{"limit":-1e308}'])
  })

  test('that ask for what is missing are not held by what has other names', async () => {
    const allowed = await run('!has(mcp.tool.arguments.force) && !("force" in mcp.tool.arguments)', [
      '{}',
      '{"force":true}',
      '{"force":null}',
      '{"forc\\u0065":true}',
      '[]',
      '["force"]',
      '"force"',
      'null',
    ])
    expect(allowed).toEqual(['{}'])
  })
})

test('what a call brings in a prototype is nothing that a tool could take for its own', async () => {
  const seen: unknown[] = []
  const library = await guarded(
    'serve',
    { policy: { rules: [{ allow: ['anyone'], tools: ['take'], when: '!has(mcp.tool.arguments.force)' }] } },
    {
      make: () => {
        const server = libraryServer()
        server.registerTool('take', { inputSchema: z.object({}).loose() }, (given) => {
          seen.push((given as { force?: unknown }).force, Object.getPrototypeOf(given) === Object.prototype)
          return { content: [] }
        })
        return server
      },
    },
  )
  for (const era of eras) {
    const { say } = await speaker(library, 'reporting', era)
    const { body, headers } = said(era, 'tools/call', { name: 'take', arguments: {} })
    await say({ headers, body: body.replace('"arguments":{}', '"arguments":{"__proto__":{"force":true}}') })
  }
  expect(seen).toEqual([undefined, true, undefined, true])
})

/** Pages of a list: one item each, forbidden ones between. */
const pages = ['write', 'read', 'wait', 'write-more', 'who', 'write']

describe.each(everyKindAndEra)('pages, before %s, %s clients', (kind, era) => {
  const page = (cursor: unknown) => {
    const at = cursor === undefined ? 0 : Number(cursor)
    const tools = pages.slice(at, at + 1).map((name) => ({ name, inputSchema: { type: 'object' as const } }))
    return { tools, ...(at + 1 < pages.length && { nextCursor: String(at + 1) }) }
  }
  const parts: GuardedParts = {
    make: () => {
      const server = libraryServer()
      server.server.setRequestHandler('tools/list', ({ params }) => page(params?.cursor))
      return server
    },
    behind: (message: Message) =>
      message.method === 'tools/list'
        ? [
            {
              jsonrpc: '2.0',
              id: message.id,
              result: { resultType: 'complete', ...page(message.params?.cursor) },
            },
          ]
        : libraryBehind(message),
  }
  const policy = { rules: [{ allow: [idOf('reporting')], tools: ['read', 'who', 'wait'] }] }

  test('bring every allowed item once, and a guessed cursor no other', async () => {
    const library = await guarded(kind, { policy }, parts)
    const { say } = await speaker(library, 'reporting', era)
    const seen: string[][] = []
    let cursor: unknown
    do {
      const { body } = await say(said(era, 'tools/list', cursor === undefined ? {} : { cursor }))
      const { result } = messagesIn(body).at(-1) as {
        result: { tools: { name: string }[]; nextCursor?: string }
      }
      seen.push(result.tools.map(({ name }) => name))
      cursor = result.nextCursor
    } while (cursor !== undefined)
    expect(seen).toEqual([[], ['read'], ['wait'], [], ['who'], []])
    const { say: sayAsAdmin } = await speaker(library, 'admin', era)
    for (const guessed of ['0', '3', '5']) {
      for (const one of [say, sayAsAdmin])
        expect((await one(said(era, 'tools/list', { cursor: guessed }))).body).not.toContain('write')
    }
  })
})

describe.each(everyKindAndEra)('lists, before %s, %s clients', (kind, era) => {
  test('are private to their caller where caches are told', async () => {
    const library = await guarded(
      kind,
      {},
      {
        behind: (message) =>
          libraryBehind(message).map((answer) => ({
            ...answer,
            result: { ...(answer as { result: object }).result, cacheScope: 'public', ttlMs: 1000 },
          })),
      },
    )
    const { say } = await speaker(library, 'reporting', era)
    const isModern = era === 'modern'
    for (const [method, params] of [
      ['tools/list', {}],
      ['prompts/list', {}],
      ['resources/list', {}],
      ['resources/templates/list', {}],
      ['resources/read', { uri: 'file:///srv/public/a' }],
    ] as const) {
      const { body } = await say(said(era, method, { ...params }))
      expect(body.includes('"cacheScope":"private"'), `${method} ${body}`).toBe(isModern)
      if (isModern) expect(body).not.toContain('"cacheScope":"public"')
    }
  })
})

describe.each(kinds)('other ways of HTTP, before %s', (kind) => {
  test('call nothing', async () => {
    const library = await guarded(kind)
    const { url, agents } = library
    const { session } = await speaker(library, 'reporting', 'legacy')
    const [ran, came] = [library.ran.length, library.came.length]
    const body = JSON.stringify(call('write'))
    const query = `?method=tools/call&name=write&id=1&message=${encodeURIComponent(body)}`
    const headers = {
      ...mcpHeaders,
      ...(session !== undefined && { 'mcp-session-id': session }),
      'x-http-method-override': 'POST',
      'x-http-method': 'POST',
      'x-method-override': 'POST',
    }
    const asked = (method: string) =>
      ask(url + query, agents.reporting, { method, headers, body }).catch(() => ({ status: 0, body: '' }))
    // A connection may break whose body was not read, or whose method Node does not know.
    for (const method of ['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'QUERY', 'SEARCH'])
      expect([0, 400, 405], method).toContain((await asked(method)).status)
    const stream = await openStream(url + query, agents.reporting, headers)
    stream.destroy()
    expect((await asked('DELETE')).body).not.toContain('written')
    expect(library.ran.slice(ran)).toEqual([])
    expect(library.came.slice(came).filter((text) => text.includes('"write"'))).toEqual([])
  })

  test.each([
    ['text/plain', (body: string) => body],
    ['application/x-www-form-urlencoded', (body: string) => `message=${encodeURIComponent(body)}`],
    ['application/json; charset=utf-16', (body: string) => Buffer.from(body, 'utf16le').toString('latin1')],
    ['application/json-seq', (body: string) => `\u001e${body}\n`],
    ['multipart/mixed; boundary=x', (body: string) => `--x\r\n\r\n${body}\r\n--x--`],
  ])('a body of the type %s calls nothing', async (type, bodyOf) => {
    const library = await guarded(kind)
    for (const era of ['modern', 'legacy'] as const satisfies readonly Era[]) {
      const { say } = await speaker(library, 'reporting', era)
      const { headers, body } = said(era, 'tools/call', { name: 'write', arguments: {} })
      await say({ headers: { ...headers, 'content-type': type }, body: bodyOf(body) })
      expect(library.ran).toEqual([])
      expect(library.came.join()).not.toContain('write')
    }
  })
})

describe('headers of parameters', () => {
  test('that say another value than the body call nothing', async () => {
    const { fromJsonSchema } = await import('@modelcontextprotocol/server')
    const ran: unknown[] = []
    const policy = {
      rules: [{ allow: ['anyone'], tools: ['query'], when: "mcp.tool.arguments.region == 'eu'" }],
    }
    const library = await guarded(
      'serve',
      { policy },
      {
        make: () => {
          const server = libraryServer()
          const inputSchema = fromJsonSchema<{ region?: string }>({
            type: 'object',
            properties: { region: { type: 'string', 'x-mcp-header': 'Region' } as object },
          })
          server.registerTool('query', { inputSchema }, ({ region }) => {
            ran.push(region)
            return { content: [] }
          })
          return server
        },
      },
    )
    const { say } = await speaker(library, 'reporting', 'modern')
    const query = async (region: string, header: string | string[]) => {
      const { body, headers } = said('modern', 'tools/call', { name: 'query', arguments: { region } })
      return say({ body, headers: { ...headers, 'mcp-param-region': header } })
    }
    await query('eu', 'us')
    await query('us', 'eu')
    await query('eu', ['eu', 'us'])
    await query('eu', '=?base64?dXM=?=')
    expect(ran).toEqual([])
    await query('eu', 'eu')
    expect(ran).toEqual(['eu'])
  })
})
