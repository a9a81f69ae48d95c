import { describe, expect, onTestFinished, test } from 'vitest'
import { type ServeOptions, serve } from '../../../src/server/index.js'
import { idOf, libraryServer, namesIn, rpc, withAgents } from '../../support/agents.js'

/** Reporting may read, and all of the public; admin may do everything. */
const policy = {
  rules: [
    {
      name: 'reporting reads',
      allow: [idOf('reporting')],
      tools: ['read', 'who', 'wait'],
      prompts: ['greet'],
      resources: ['file:///srv/public/*', 'file:///srv/books/*'],
    },
    { name: 'admin', allow: [idOf('admin')], tools: ['*'], prompts: ['*'], resources: ['file:///srv/**'] },
  ],
}

async function library(options: Partial<ServeOptions> = {}) {
  const { world, agents } = await withAgents('reporting', 'admin')
  const ran: string[] = []
  const server = await serve(() => libraryServer(ran), {
    name: `library-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy,
    ...options,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  return { server, url: server.url, agents, ran }
}

describe.each(['modern', 'legacy'] as const)('a policy, for clients of the %s revision', (era) => {
  test('two agents see two lists', async () => {
    const { url, agents } = await library()
    const seen = async (agent: string, method: string, list: string) =>
      namesIn(await rpc(url, agent, method, {}, { era }), list)
    for (let turn = 0; turn < 3; turn++) {
      expect(await seen(agents.reporting, 'tools/list', 'tools')).toEqual(['read', 'who', 'wait'])
      expect(await seen(agents.admin, 'tools/list', 'tools')).toEqual(['read', 'write', 'who', 'wait'])
      expect(await seen(agents.reporting, 'prompts/list', 'prompts')).toEqual(['greet'])
      expect(await seen(agents.admin, 'prompts/list', 'prompts')).toEqual(['greet', 'secret'])
      expect(await seen(agents.reporting, 'resources/list', 'resources')).toEqual(['file:///srv/public/a'])
      expect(await seen(agents.reporting, 'resources/templates/list', 'resourceTemplates')).toEqual([
        'file:///srv/books/{title}',
      ])
      expect(await seen(agents.admin, 'resources/list', 'resources')).toHaveLength(2)
    }
  })

  test('a call that no rule allows is denied in the same words as one of what does not exist, and runs nothing', async () => {
    const { url, agents, ran } = await library()
    for (let turn = 0; turn < 3; turn++) {
      const forbidden = await rpc(url, agents.reporting, 'tools/call', { name: 'write' }, { era })
      const unknown = await rpc(url, agents.reporting, 'tools/call', { name: 'nothing' }, { era })
      for (const answer of [forbidden, unknown]) {
        expect(answer).toMatchObject({
          status: 200,
          id: 1,
          error: { code: -32_011, message: 'not authorized', data: { code: 'NOT_AUTHORIZED' } },
        })
        expect(answer.error?.data?.request_id).toMatch(/^[\da-f-]{36}$/)
      }
    }
    expect(ran).toEqual([])
    const allowed = await rpc(url, agents.admin, 'tools/call', { name: 'write' }, { era })
    expect(allowed.result).toMatchObject({ content: [{ text: 'written' }] })
    expect(ran).toEqual(['write'])
  })

  test('a tool sees the rule that let its call in', async () => {
    const { url, agents } = await library()
    for (let turn = 0; turn < 3; turn++) {
      const answers = await Promise.all(
        [agents.reporting, agents.admin].map((agent) =>
          rpc(url, agent, 'tools/call', { name: 'who' }, { era }),
        ),
      )
      const callers = answers.map(({ result }) =>
        JSON.parse((result?.content as { text: string }[] | undefined)?.[0]?.text ?? 'null'),
      )
      expect(callers).toMatchObject([
        { id: idOf('reporting'), rule: 'reporting reads' },
        { id: idOf('admin'), rule: 'admin' },
      ])
    }
  })
})
