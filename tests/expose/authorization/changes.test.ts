import type { ServerResponse } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ExposedCommand, type ExposedUpstream, expose } from '../../../src/expose/expose.js'
import type { RunningServer } from '../../../src/server/index.js'
import { envelope, rpc, withAgents } from '../../support/agents.js'
import { type Grants, policyFile, policyText } from '../../support/changing-policy.js'
import { messagesIn, openRawSession, openStream, type Stream } from '../../support/raw-session.js'
import { answerJson, plainServer } from '../../support/upstream.js'
import { programPath, told } from '../programs/script.js'

const uris = { public: 'memory://public/a', private: 'memory://private/a' }

/** Agent one may use all of it, then less of it; agent two always all. */
const all = { tools: ['*'], resources: ['memory://**'] }
const before: Grants = { one: all, two: all }
const after: Grants = { one: { tools: ['echo', 'slow'], resources: ['memory://public/*'] }, two: all }

async function exposed(target: ExposedCommand | ExposedUpstream) {
  const { world, agents } = await withAgents('one', 'two')
  const file = policyFile(policyText(before))
  const server: RunningServer = await expose({
    ...target,
    name: `exposed-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: file.path,
    watch: { pollMs: 3_600_000 },
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  return { server, url: server.url, agents, forbid: () => file.write(policyText(after)) }
}

const callOf = (name: string, id: number, args: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

/** Listens for changes of a resource in 2026-07-28. */
const listen = (url: string, agent: string, uri: string) =>
  openStream(
    url,
    agent,
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'subscriptions/listen',
      params: { notifications: { resourceSubscriptions: [uri] }, _meta: envelope },
    }),
  )

const notAuthorized = { error: { code: -32_011, data: { code: 'NOT_AUTHORIZED' } } }

/** The messages of a stream that have come. */
const messages = ({ events }: Stream) => events.map(({ message }) => message)

describe('behind a program', () => {
  const program = (...flags: string[]) => ({
    instances: 'shared' as const,
    command: process.execPath,
    args: [programPath('echo.mjs'), ...flags],
  })

  test('a call of a session ends when it may not go on, the program is told, and no other call ends', async () => {
    const { url, agents, forbid } = await exposed(program())
    const [one, two] = await Promise.all([openRawSession(url, agents.one), openRawSession(url, agents.two)])
    const hang = (session: { id: string }, agent: string) =>
      openStream(
        url,
        agent,
        { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' },
        JSON.stringify(callOf('hang', 7)),
      )
    const [ending, staying] = await Promise.all([hang(one, agents.one), hang(two, agents.two)])
    forbid()
    await ending.closed
    expect(messages(ending)).toMatchObject([{ id: 7, ...notAuthorized }])
    const answer = messagesIn((await two.post(callOf('told', 8, { cancelled: 1 }))).body)[0]
    expect(told<{ cancelled: unknown[] }>(answer?.result).cancelled).toEqual(['not authorized'])
    expect(messages(staying)).toEqual([])
    expect(messagesIn((await one.post(callOf('echo', 7, { text: 'goes on' }))).body)[0]).toHaveProperty(
      'result',
    )
    expect(messagesIn((await one.post(callOf('hang', 8))).body)[0]).toMatchObject({ id: 8, ...notAuthorized })
  })

  test('an exchange of 2026-07-28 ends when it may not go on, the program is told, and no other ends', async () => {
    const { url, agents, forbid } = await exposed(program('--modern'))
    const call = (agent: string, name: string, args: object = {}) =>
      rpc(url, agent, 'tools/call', { name, arguments: args })
    expect((await call(agents.two, 'echo', { text: 'there' })).result).toBeDefined()
    const ending = call(agents.one, 'hang')
    let isOpen = true
    const staying = call(agents.two, 'hang').finally(() => {
      isOpen = false
    })
    staying.catch(() => {})
    await expect
      .poll(async () => told<{ received: string[] }>((await call(agents.two, 'told')).result).received)
      .toSatisfy((received: string[]) => received.filter((method) => method === 'tools/call').length >= 3)
    forbid()
    expect(await ending).toMatchObject({ status: 200, id: 1, ...notAuthorized })
    const { cancelled } = told<{ cancelled: unknown[] }>(
      (await call(agents.two, 'told', { cancelled: 1 })).result,
    )
    expect(cancelled).toHaveLength(1)
    expect(isOpen).toBe(true)
  })

  test('a subscription of 2026-07-28 ends when it is forbidden, and no other does', async () => {
    const { url, agents, forbid } = await exposed(program('--modern'))
    const update = (uri: string) => rpc(url, agents.two, 'tools/call', { name: 'update', arguments: { uri } })
    expect((await update(uris.public)).result).toBeDefined()
    const [kept, ended] = await Promise.all([
      listen(url, agents.one, uris.public),
      listen(url, agents.one, uris.private),
    ])
    for (const stream of [kept, ended]) await expect.poll(() => messages(stream).length).toBe(1)
    forbid()
    await ended.closed
    expect(messages(ended).at(-1)).toMatchObject({ id: 1, ...notAuthorized })
    await update(uris.public)
    await expect
      .poll(() => messages(kept).at(-1))
      .toMatchObject({ method: 'notifications/resources/updated' })
  })

  test('a session hears no more of what is forbidden, goes on with the rest, and hears that lists have changed', async () => {
    const { url, agents, forbid } = await exposed(program())
    const session = await openRawSession(url, agents.one)
    const stream = await session.listen()
    const heard = () =>
      messages(stream).map(({ method, params }) => `${method} ${(params as { uri?: string })?.uri ?? ''}`)
    for (const [id, uri] of Object.entries(uris))
      await session.post({ jsonrpc: '2.0', id, method: 'resources/subscribe', params: { uri } })
    const other = await openRawSession(url, agents.two)
    const update = (uri: string) => other.post(callOf('update', 1, { uri }))
    await update(uris.private)
    await expect.poll(heard).toEqual([`notifications/resources/updated ${uris.private}`])
    forbid()
    await expect
      .poll(async () => messagesIn((await session.post(callOf('fail', 2))).body)[0])
      .toMatchObject(notAuthorized)
    const at = heard().length
    await update(uris.private)
    await update(uris.public)
    await expect.poll(() => heard().slice(at)).toContain(`notifications/resources/updated ${uris.public}`)
    expect(heard().slice(at).join()).not.toContain(uris.private)
  })
})

/** A server behind that answers calls as the test says, with a session for whoever initializes. */
async function upstreamWith(begin: (response: ServerResponse, id: number) => void, isInSession: boolean) {
  const open: { readonly response: ServerResponse; readonly what: string; isClosed: boolean }[] = []
  const plain = await plainServer((request, response, body) => {
    const { method = 'GET', id } = body === '' ? {} : JSON.parse(body)
    const one = { response, what: method, isClosed: false }
    open.push(one)
    response.once('close', () => {
      one.isClosed = true
    })
    if (method === 'initialize') {
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
        serverInfo: { name: 'behind', version: '1.0.0' },
      }
      const headers = {
        'content-type': 'application/json',
        ...(isInSession && { 'mcp-session-id': 'behind' }),
      }
      return void response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    }
    if (method === 'GET' || method === 'tools/call' || method === 'subscriptions/listen')
      return begin(response, id)
    answerJson(request, response, body)
  })
  const gate = await exposed({ upstream: plain.url })
  const cancelled = () =>
    plain.requests.flatMap(({ body, headers }) =>
      body.includes('notifications/cancelled')
        ? [{ requestId: JSON.parse(body).params.requestId, session: headers['mcp-session-id'] }]
        : [],
    )
  const of = (what: string) => open.filter((one) => one.what === what)
  return { ...gate, plain, of, cancelled }
}

const beginStream = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
const event = (message: object, id?: string) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${JSON.stringify(message)}\n\n`
const answerOf = (id: number, text = 'the secret answer') => ({
  jsonrpc: '2.0',
  id,
  result: { content: [{ type: 'text', text }] },
})
const progress = {
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 1, progress: 1 },
}

describe('behind a URL', () => {
  test.each([
    ['JSON, without a session', false, false],
    ['JSON, in a session', false, true],
    ['a stream, without a session', true, false],
    ['a stream, in a session', true, true],
  ])('a call ends when it may not go on, and no other does: %s', async (_how, isStream, isInSession) => {
    const behind = await upstreamWith((response) => {
      if (!isStream) return
      beginStream(response)
      response.write(event(progress))
    }, isInSession)
    const { url, agents, forbid, of, cancelled } = behind
    const { id: session } = isInSession ? await openRawSession(url, agents.one) : {}
    const headers = {
      'mcp-protocol-version': '2025-11-25',
      ...(session !== undefined && { 'mcp-session-id': session }),
    }
    const call = (name: string, id: number) =>
      openStream(url, agents.one, headers, JSON.stringify(callOf(name, id)))
    const calls = [call('hang', 1), call('slow', 2)] as const
    for (const one of calls) one.catch(() => {})
    await expect.poll(() => of('tools/call').length).toBe(2)
    forbid()
    const ending = await calls[0]
    await ending.closed
    expect(ending.status).toBe(200)
    expect(messagesIn(ending.text.trim()).at(-1)).toMatchObject({ id: 1, ...notAuthorized })
    const [first, second] = of('tools/call')
    await expect.poll(() => [first?.isClosed, second?.isClosed].toSorted()).toEqual([false, true])
    await expect.poll(cancelled).toEqual(isInSession ? [{ requestId: 1, session: 'behind' }] : [])
    const left = of('tools/call').find(({ isClosed }) => !isClosed)
    if (!isStream)
      left?.response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answerOf(2)))
    else left?.response.end(event(answerOf(2)))
    const staying = await calls[1]
    await staying.closed
    expect(messagesIn(staying.text.trim()).at(-1)).toMatchObject({ id: 2, result: {} })
  })

  test.each([
    ['the client had broken', false],
    ['the server behind had ended', true],
  ])('a stream that %s gives no answer of a call that is forbidden by then', async (_how, isEndedBehind) => {
    const behind = await upstreamWith((response, id) => {
      beginStream(response)
      if (id === undefined) return
      response.write(event(progress, `event-of-${id}`))
      if (isEndedBehind) response.end()
    }, true)
    const { url, agents, forbid, of } = behind
    const session = await openRawSession(url, agents.one)
    const headers = { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': session.id }
    const broken = await Promise.all(
      [callOf('hang', 1), callOf('slow', 2)].map((call) =>
        openStream(url, agents.one, headers, JSON.stringify(call)),
      ),
    )
    for (const one of broken) await expect.poll(() => one.events.length).toBe(1)
    for (const one of broken) one.destroy()
    await expect.poll(() => of('tools/call').filter(({ isClosed }) => isClosed).length).toBe(2)
    forbid()
    await expect
      .poll(async () => messagesIn((await session.post(callOf('fail', 3))).body)[0])
      .toMatchObject(notAuthorized)
    const resumed = await session.listen({ 'last-event-id': 'event-of-1' })
    const [stream] = of('GET')
    for (const id of [1, 2]) stream?.response.write(event(answerOf(id), `answer-of-${id}`))
    await expect.poll(() => messages(resumed)).toContainEqual(answerOf(2))
    expect(JSON.stringify(messages(resumed).filter(({ id }) => id === 1))).not.toContain('secret')
  })

  test('a client that waits for its answer on another stream is told that it may not go on', async () => {
    const behind = await upstreamWith((response, id) => {
      beginStream(response)
      if (id !== undefined) response.end(event(progress, `event-of-${id}`))
    }, true)
    const { url, agents, forbid, of } = behind
    const session = await openRawSession(url, agents.one)
    await session.post(callOf('hang', 1))
    const stream = await session.listen({ 'last-event-id': 'event-of-1' })
    await expect.poll(() => of('GET').length).toBe(1)
    forbid()
    const answers = () => messages(stream).filter(({ id }) => id === 1)
    await expect.poll(answers).toMatchObject([notAuthorized])
    for (const id of [1, 2])
      of('GET')[0]?.response.write(event({ ...progress, params: { progressToken: id, progress: 2 } }))
    of('GET')[0]?.response.write(event(answerOf(1)))
    of('GET')[0]?.response.end(event({ ...progress, params: { progressToken: 3, progress: 3 } }))
    await stream.closed
    expect(messages(stream).at(-1)).toMatchObject({ params: { progressToken: 3 } })
    expect(answers()).toHaveLength(1)
  })

  test('a client that is away hears that lists have changed when it opens its stream', async () => {
    const { server, url, agents, forbid } = await upstreamWith(beginStream, true)
    const session = await openRawSession(url, agents.one)
    const before = server.health().policy?.loaded_at
    forbid()
    await expect.poll(() => server.health().policy?.loaded_at).not.toBe(before)
    server.notify.toolsChanged() // once more is not told twice
    const stream = await session.listen()
    await expect
      .poll(() => messages(stream))
      .toEqual([{ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }])
  })

  test('a session hears no more of what is forbidden, goes on with the rest, and hears that lists have changed', async () => {
    const behind = await upstreamWith((response, id) => {
      beginStream(response)
      if (id !== undefined) response.end(event(answerOf(id)))
    }, true)
    const { url, agents, forbid, of } = behind
    const session = await openRawSession(url, agents.one)
    const stream = await session.listen()
    await expect.poll(() => of('GET').length).toBe(1)
    const update = (uri: string) =>
      of('GET')[0]?.response.write(
        event({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } }),
      )
    const heard = () =>
      messages(stream).map(({ method, params }) => `${method} ${(params as { uri?: string })?.uri ?? ''}`)
    for (const uri of Object.values(uris)) update(uri)
    const updated = (uri: string) => `notifications/resources/updated ${uri}`
    await expect.poll(heard).toEqual([updated(uris.public), updated(uris.private)])
    forbid()
    await expect.poll(heard).toContain('notifications/tools/list_changed ')
    const at = heard().length
    for (const uri of Object.values(uris).toReversed()) update(uri)
    await expect.poll(() => heard().slice(at)).toEqual([updated(uris.public)])
    expect(heard().join()).not.toContain('prompts/list_changed')
  })

  test('ends with a subscription that is forbidden, and not with another (2026-07-28)', async () => {
    const behind = await upstreamWith((response) => {
      beginStream(response)
      response.write(
        event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: {} }),
      )
    }, false)
    const { url, agents, forbid, of } = behind
    const [kept, ended] = await Promise.all([
      listen(url, agents.one, uris.public),
      listen(url, agents.one, uris.private),
    ])
    await expect.poll(() => of('subscriptions/listen').length).toBe(2)
    forbid()
    await ended.closed
    expect(messages(ended).at(-1)).toMatchObject({ id: 1, ...notAuthorized })
    await expect.poll(() => of('subscriptions/listen').filter(({ isClosed }) => isClosed).length).toBe(1)
    expect(messages(kept)).toHaveLength(1)
  })
})
