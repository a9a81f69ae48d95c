import { expect, test } from 'vitest'
import { linkedPair } from '../../src/bridge/linked-pair.js'
import { type HeadersOf, RepeatedArguments } from '../../src/bridge/repeated-arguments.js'
import type { Message } from '../support/compare/clients.js'

const tool = (header: string) => ({
  name: 'x',
  inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': header } } },
})

/** A server that is the test. */
async function made(answer: (request: Message, headers: object) => Message | undefined) {
  const [near, far] = linkedPair()
  let headersOf: HeadersOf = () => ({})
  const transport = new RepeatedArguments((of) => {
    headersOf = of
    return near
  })
  const received: Message[] = []
  far.onmessage = (message) => {
    received.push(message as Message)
    const answered = answer(message as Message, headersOf(message as never))
    if (answered) void far.send({ jsonrpc: '2.0', id: (message as Message).id, ...answered } as never)
  }
  const came: Message[] = []
  transport.onmessage = (message) => void came.push(message as Message)
  await transport.start()
  const call = (id: number, region: unknown = 'eu') =>
    transport.send({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'x', arguments: { region } },
    })
  const methods = () => received.map(({ method }) => method)
  return { transport, call, came, methods, far, received }
}

const refusal = { error: { code: -32_020, message: 'HeaderMismatch' } }
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a call that is refused for want of headers is made again with them, once the tools are known', async () => {
  const { call, came, methods } = await made(({ method, params }, headers) => {
    if (method === 'tools/list')
      return params.cursor
        ? { result: { tools: [tool('Region')] } }
        : { result: { tools: [], nextCursor: 'more' } }
    return 'mcp-param-Region' in headers ? { result: { headers } } : refusal
  })
  await call(1)
  await settled()
  expect(methods()).toEqual(['tools/call', 'tools/list', 'tools/list', 'tools/call'])
  expect(came).toEqual([{ jsonrpc: '2.0', id: 1, result: { headers: { 'mcp-param-Region': 'eu' } } }])
  await call(2)
  expect(methods().slice(4)).toEqual(['tools/call'])
})

test('the tool that wants another header now is looked at again', async () => {
  let header = 'Region'
  const { call, came, methods } = await made(({ method }, headers) => {
    if (method === 'tools/list') return { result: { tools: [tool(header)] } }
    return `mcp-param-${header}` in headers ? { result: {} } : refusal
  })
  await call(1)
  await settled()
  header = 'Area'
  await call(2)
  await settled()
  expect(came.map(({ id, error }) => [id, error])).toEqual([
    [1, undefined],
    [2, undefined],
  ])
  expect(methods()).toHaveLength(6)
})

test('a server that refuses all the same is not asked without end', async () => {
  for (const tools of [[], [tool('Region')]]) {
    const { call, came, methods } = await made(({ method }) =>
      method === 'tools/list' ? { result: { tools, nextCursor: 'always' } } : refusal,
    )
    await call(1)
    await settled()
    expect(came).toEqual([{ jsonrpc: '2.0', id: 1, ...refusal }])
    expect(methods().filter((method) => method === 'tools/call')).toHaveLength(1 + tools.length)
    expect(methods().filter((method) => method === 'tools/list')).toHaveLength(100)
  }
})

test('calls that are refused at once are answered by one look', async () => {
  let list: Message | undefined
  const { call, came, methods, far } = await made((request, headers) => {
    if (request.method === 'tools/list') list = request
    else return 'mcp-param-Region' in headers ? { result: {} } : refusal
    return undefined
  })
  await Promise.all([call(1), call(2), call(3)])
  expect(methods().filter((method) => method === 'tools/list')).toHaveLength(1)
  await far.send({ jsonrpc: '2.0', id: list?.id, result: { tools: [tool('Region')] } } as never)
  await settled()
  expect(came.map(({ id }) => id).sort()).toEqual([1, 2, 3])
})

test('a call that is given up meanwhile is not made again', async () => {
  let list: Message | undefined
  const { call, came, methods, far, transport } = await made((request) => {
    if (request.method === 'tools/call') return refusal
    if (request.method === 'tools/list') list = request
    return undefined
  })
  await call(1)
  await transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  await far.send({ jsonrpc: '2.0', id: list?.id, result: { tools: [tool('Region')] } } as never)
  await settled()
  expect(methods().filter((method) => method === 'tools/call')).toHaveLength(1)
  expect(came).toEqual([])
})

test.each([
  [1.5, '1.5'],
  [7, '7'],
  [true, 'true'],
  [2 ** 60, undefined],
  [null, undefined],
  [{ a: 1 }, undefined],
])('the argument %j is repeated as %s', async (value, text) => {
  const seen: object[] = []
  const { call, transport } = await made(({ method }, headers) => {
    if (method === 'tools/list') return { result: { tools: [tool('Region')] } }
    seen.push(headers)
    return { result: {} }
  })
  await transport.send({ jsonrpc: '2.0', id: 0, method: 'tools/list', params: {} })
  await call(1, value)
  expect(seen).toEqual([text === undefined ? {} : { 'mcp-param-Region': text }])
})
