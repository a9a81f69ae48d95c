import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { withAgents } from '../../support/agents.js'
import { libraryPolicy, said } from '../../support/guarded.js'
import { messagesIn, openRawSession } from '../../support/raw-session.js'
import { exposed, plainServer } from '../../support/upstream.js'
import { ask, mcpHeaders } from '../../support/wire.js'

/** What may not be seen in any answer. */
const forbidden = /write|secret|srv\/private|diaries/

type Respond = (response: ServerResponse, id: unknown, request: IncomingMessage) => void

/** A library over plain HTTP that answers a list as a test has it, behind a policy. */
async function behind(respond: Respond) {
  const { world, agents } = await withAgents('reporting', 'admin')
  const plain = await plainServer((request, response, body) => {
    const message = body === '' ? {} : JSON.parse(body)
    if (message.method === 'initialize')
      return void response
        .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': crypto.randomUUID() })
        .end(
          JSON.stringify({
            jsonrpc: '2.0',
            id: message.id,
            result: {
              protocolVersion: '2025-11-25',
              capabilities: {},
              serverInfo: { name: 'behind', version: '1' },
            },
          }),
        )
    if (request.method === 'POST' && message.id === undefined) return void response.writeHead(202).end()
    respond(response, message.id, request)
  })
  const { url } = await exposed(plain.url, world, { policy: libraryPolicy })
  return { url, agents, plain }
}

const tools = (...names: unknown[]) => names.map((name) => ({ name, inputSchema: { type: 'object' } }))
const list = (id: unknown, result: unknown = { tools: tools('read', 'write') }) => ({
  jsonrpc: '2.0',
  id,
  result,
})

const asJson =
  (textOf: (id: unknown) => string, headers: Record<string, string> = {}): Respond =>
  (response, id) =>
    void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(textOf(id))
const asEvents =
  (textOf: (id: unknown) => string): Respond =>
  (response, id) =>
    void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(textOf(id))

/** A list over many lines of data, as indented JSON is. */
const lines = (id: unknown, end = '\n') =>
  JSON.stringify(list(id), null, 2)
    .split('\n')
    .map((line) => `data: ${line}`)
    .join(end)

const shown: Readonly<Record<string, Respond>> = {
  'one line of data': asEvents((id) => `data: ${JSON.stringify(list(id))}\n\n`),
  'several lines of data': asEvents((id) => `${lines(id)}\n\n`),
  'lines that end in CRLF': asEvents((id) => `event: message\r\n${lines(id, '\r\n')}\r\n\r\n`),
  'lines that end in CR': asEvents((id) => `event: message\r${lines(id, '\r')}\r\r`),
  'an id and a time to come back': asEvents(
    (id) => `id: 7\nretry: 10\n:\ndata:${JSON.stringify(list(id))}\nevent: message\n\n`,
  ),
  'a mark before the stream': asEvents((id) => `\ufeffdata: ${JSON.stringify(list(id))}\n\n`),
  'a mark before the message': asEvents((id) => `data: \ufeff${JSON.stringify(list(id))}\n\n`),
  'data of another event': asEvents((id) => `event: other\ndata: ${JSON.stringify(list(id))}\n\n`),
  'a batch in an event': asEvents((id) => `data: [${JSON.stringify(list(id))}]\n\n`),
  JSON: asJson((id) => JSON.stringify(list(id))),
  'JSON with a mark': asJson((id) => `\ufeff${JSON.stringify(list(id))}`),
  'JSON of another type': asJson((id) => JSON.stringify(list(id)), { 'content-type': 'text/plain' }),
  'a batch': asJson((id) => `[${JSON.stringify(list(id))}]`),
  'items without names': asJson((id) =>
    JSON.stringify(
      list(id, {
        tools: [...tools('read', undefined, null, 7, ['write'], { write: 1 }), 'write', null, ['write']],
      }),
    ),
  ),
  'the same list twice': asEvents((id) => `data: ${JSON.stringify(list(id))}\n\n`.repeat(2)),
  'keys twice': asJson((id) =>
    JSON.stringify(list(id)).replace('"result":', '"result":{"tools":[{"name":"secret"}]},"result":'),
  ),
}

/** Nothing is left to see of these. */
const hidden: Readonly<Record<string, Respond>> = {
  'a list that is none': asJson((id) => JSON.stringify(list(id, { tools: { write: { name: 'write' } } }))),
  'a list that is text': asJson((id) => JSON.stringify(list(id, { tools: 'write' }))),
  'a batch in a batch': asJson((id) => `[[${JSON.stringify(list(id))}]]`),
  'a batch in a batch, in an event': asEvents((id) => `data: [[${JSON.stringify(list(id))}]]\n\n`),
  'a result that is a list': asJson((id) => JSON.stringify(list(id, tools('write')))),
  'a result that is text': asJson((id) => JSON.stringify(list(id, 'write'))),
  'a result that is null': asJson((id) => JSON.stringify(list(id, null))),
  'an answer to no call': asEvents(() => `data: ${JSON.stringify(list('other'))}\n\n`),
  'an answer with a method that is null': asJson((id) =>
    JSON.stringify({ method: null, params: null, error: null, ...list(id) }),
  ),
  'the same in an event': asEvents(
    (id) => `data: ${JSON.stringify({ method: null, params: null, ...list(id) })}\n\n`,
  ),
  'an answer to nobody': asEvents(() => `data: ${JSON.stringify(list(null))}\n\n`),
  'what is nearly JSON': asEvents(
    (id) => `data: ${JSON.stringify(list(id)).replace('"type":"object"', '"maximum":NaN')}\n\n`,
  ),
  'nearly JSON, as an answer': asJson((id) =>
    JSON.stringify(list(id)).replace('"type":"object"', '"maximum":Infinity'),
  ),
  'nearly JSON, with an error status': (response, id) =>
    void response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify(list(id)).replace('"type":"object"', '"maximum":NaN')),
  'an event that does not end': asEvents((id) => `data: ${JSON.stringify(list(id))}\n`),
}

describe.each(['modern', 'legacy'] as const)('lists that a server behind answers, %s', (era) => {
  const listed = async (respond: Respond, inSession: boolean) => {
    const { url, agents } = await behind(respond)
    const { body, headers } = said(era, 'tools/list')
    if (inSession) return (await openRawSession(url, agents.reporting)).post(JSON.parse(body))
    return ask(url, agents.reporting, { headers: { ...mcpHeaders, ...headers }, body })
  }
  const inSessions = era === 'legacy' ? [false, true] : [false]

  test.each(Object.entries(shown))('are filtered in %s', async (_name, respond) => {
    for (const inSession of inSessions) {
      const { body } = await listed(respond, inSession)
      expect(body).not.toMatch(forbidden)
      expect(body).toContain('"read"')
    }
  })

  test.each(Object.entries(hidden))('are hidden in %s', async (_name, respond) => {
    for (const inSession of inSessions) expect((await listed(respond, inSession)).body).not.toMatch(forbidden)
  })

  test('come among answers that go on as they were written', async () => {
    const { url, agents } = await behind(
      asJson(
        (id) =>
          `{"id" : ${id}, "jsonrpc":"2.0","result":{"content":[],"exact":9007199254740993,"float":1.0}}`,
      ),
    )
    const { body, headers } = said(era, 'tools/call', { name: 'read', arguments: {} })
    const answer = await ask(url, agents.reporting, { headers: { ...mcpHeaders, ...headers }, body })
    expect(answer.body).toContain('"exact":9007199254740993,"float":1.0')
  })

  test('are filtered with ten thousand tools', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => (at % 100 === 0 ? 'read' : `write-${at}`))
    const { body } = await listed(
      asEvents((id) => `data: ${JSON.stringify(list(id, { tools: tools(...names) }))}\n\n`),
      false,
    )
    expect(body).not.toMatch(forbidden)
    expect(messagesIn(body)[0]).toMatchObject({ result: { tools: { length: 100 } } })
  })
})
