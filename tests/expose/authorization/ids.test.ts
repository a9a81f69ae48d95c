import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { withAgents } from '../../support/agents.js'
import { libraryPolicy } from '../../support/guarded.js'
import { openRawSession } from '../../support/raw-session.js'
import { exposed, type Plain, plainServer } from '../../support/upstream.js'

const json = (response: ServerResponse, id: unknown, result: object) =>
  void response
    .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'session-1' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result }))

const listOf = (id: unknown) => {
  const tools = ['read', 'write'].map((name) => ({ name, inputSchema: { type: 'object' } }))
  return `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result: { tools } })}\n\n`
}
const stream = (response: ServerResponse, text: string) =>
  void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)

/** A session of one who may see `read` alone, with a server behind that answers as a test has it. */
async function session(
  respond: (response: ServerResponse, message: { id?: unknown; method?: string }, method: string) => void,
  policy: object = libraryPolicy,
) {
  const { world, agents } = await withAgents('reporting')
  const plain: Plain = await plainServer((request, response, body) => {
    const message = body === '' ? {} : JSON.parse(body)
    const protocolVersion = '2025-11-25'
    if (message.method === 'initialize')
      return json(response, message.id, { protocolVersion, capabilities: {}, serverInfo: {} })
    if (request.method === 'POST' && message.id === undefined) return void response.writeHead(202).end()
    respond(response, message, request.method ?? '')
  })
  const { url } = await exposed(plain.url, world, { policy })
  return { ...(await openRawSession(url, agents.reporting)), plain }
}

const message = (method: string, id: unknown = 7) => ({ jsonrpc: '2.0', id, method })

describe('a list that a server behind answers under the id of another call', () => {
  test('is filtered on the stream of that call, while both run', async () => {
    let held: ServerResponse | undefined
    const { post, plain } = await session((response, { id, method }) => {
      if (method === 'tools/list') held = response
      else {
        // As transports do that know for each id one stream: the last.
        stream(response, listOf(id))
        held?.end()
      }
    })
    const listed = post(message('tools/list'))
    await expect.poll(() => plain.requests.at(-1)?.body).toContain('tools/list')
    const { body } = await post(message('ping'))
    expect(body).not.toContain('write')
    await listed
  })

  test('is filtered where the client comes back for it', async () => {
    const { post, listen } = await session((response, { id, method }, verb) => {
      if (verb === 'GET') stream(response, `id: e2\n${listOf(7)}`)
      else if (method === 'tools/list') stream(response, 'id: e1\ndata: \n\n')
      else json(response, id, {})
    })
    expect((await post(message('tools/list'))).body).toContain('id: e1')
    await post(message('ping'))
    const news = await listen({ 'last-event-id': 'e1' })
    await news.closed
    expect(news.text).not.toContain('write')
  })
})

test('what a list shows on another stream is judged by the address of its caller too', async () => {
  const policy = {
    rules: [
      { allow: ['anyone'], tools: ['*'] },
      { deny: ['anyone'], tools: ['write'], when: "inCidr(source.address, '127.0.0.0/8')" },
      { deny: ['anyone'], tools: ['read'], when: "source.address == ''" },
    ],
  }
  const { post, listen } = await session((response, { method }, verb) => {
    if (verb === 'GET') stream(response, `id: e2\n${listOf(7)}`)
    else if (method === 'tools/list') stream(response, 'id: e1\ndata: \n\n')
  }, policy)
  await post(message('tools/list'))
  const news = await listen({ 'last-event-id': 'e1' })
  await news.closed
  expect(news.text).toContain('"read"')
  expect(news.text).not.toContain('write')
})
