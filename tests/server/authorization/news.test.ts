import { SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { libraryServer } from '../../support/agents.js'
import {
  everyKindAndEra,
  type GuardedParts,
  guarded,
  kinds,
  libraryBehind,
  said,
  speaker,
} from '../../support/guarded.js'
import { openStream } from '../../support/raw-session.js'

const [own, others] = ['file:///srv/public/a', 'file:///srv/private/a']
const updated = (uri: unknown, meta?: object) => ({
  method: 'notifications/resources/updated',
  params: { uri, ...(meta && { _meta: meta }) },
})
const uris = [own, others, [others], undefined, own]

/** A library whose tool `read` says that resources have changed, whoever calls. */
const telling: GuardedParts = {
  make: () => {
    const server = libraryServer()
    server.registerTool('read-and-tell', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
      for (const uri of [own, others, own]) await mcpReq.notify(updated(uri) as never)
      return { content: [] }
    })
    return server
  },
  behind: (message) => [
    ...(message.method === 'tools/call' ? uris.map((uri) => ({ jsonrpc: '2.0', ...updated(uri) })) : []),
    ...libraryBehind(message),
  ],
}

const policy = {
  rules: [{ allow: ['anyone'], tools: ['read-and-tell'], resources: ['file:///srv/public/*'] }],
}

describe.each(everyKindAndEra)('before %s, %s clients', (kind, era) => {
  test('a server that speaks of a forbidden resource while it answers is not heard', async () => {
    const library = await guarded(kind, { policy }, telling)
    const { say } = await speaker(library, 'reporting', era)
    const { body } = await say(said(era, 'tools/call', { name: 'read-and-tell', arguments: {} }))
    expect(body).toContain('content')
    expect(body).not.toContain('srv/private')
  })
})

describe.each(kinds)('before %s', (kind) => {
  test('one that listens hears of what it may use alone', async () => {
    const behind: GuardedParts['behind'] = (message) =>
      message.method === 'subscriptions/listen'
        ? uris.map((uri) => ({
            jsonrpc: '2.0',
            ...updated(uri, { [SUBSCRIPTION_ID_META_KEY]: message.id }),
          }))
        : libraryBehind(message)
    const library = await guarded(kind, { policy }, { behind })
    const { body, headers } = said('modern', 'subscriptions/listen', {
      notifications: { resourceSubscriptions: [own], toolsListChanged: true },
    })
    const stream = await openStream(library.url, library.agents.reporting, headers, body)
    if (kind.startsWith('serve')) {
      await expect.poll(() => stream.events.length).toBe(1)
      library.server.notify.resourceUpdated(others)
      library.server.notify.resourceUpdated(own)
    }
    await expect.poll(() => stream.text, { timeout: 3000 }).toContain(own)
    expect(stream.text).not.toContain('srv/private')
  })
})

test('nobody listens for more resources at once than can be judged', async () => {
  const library = await guarded('expose an upstream', { policy })
  const { say } = await speaker(library, 'reporting', 'modern')
  const listen = (count: number) => {
    const resourceSubscriptions = Array.from({ length: count }, (_, at) => `file:///srv/public/${at}`)
    return say(said('modern', 'subscriptions/listen', { notifications: { resourceSubscriptions } }))
  }
  expect((await listen(1000)).body).toContain('"result"')
  expect((await listen(1001)).body).toContain('NOT_AUTHORIZED')
  expect(library.ran).toHaveLength(1000)
})

test('the stream of a session is told of what its client may use alone', async () => {
  let server = libraryServer()
  const library = await guarded('serve with sessions', { policy }, { make: () => (server = libraryServer()) })
  const { session } = await speaker(library, 'reporting', 'legacy')
  const stream = await openStream(library.url, library.agents.reporting, {
    'mcp-session-id': String(session),
    'mcp-protocol-version': '2025-11-25',
  })
  await server.server.sendResourceUpdated({ uri: others })
  await server.server.sendResourceUpdated({ uri: own })
  await expect.poll(() => stream.text, { timeout: 3000 }).toContain(own)
  expect(stream.text).not.toContain('srv/private')
})
