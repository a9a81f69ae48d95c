import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { serve } from '../../../src/server/index.js'
import { idOf, rpc, withAgents } from '../../support/agents.js'

const shelves = { public: ['a', 'b'], private: ['payroll'] } as const

function shelvesServer(): McpServer {
  const server = new McpServer({ name: 'shelves', version: '1.0.0' })
  const contents = (uri: URL) => ({ contents: [{ uri: uri.href, text: '' }] })
  const complete = {
    shelf: () => Object.keys(shelves),
    name: (_value: string, context?: { arguments?: Record<string, string> }) => [
      ...(shelves[(context?.arguments?.shelf ?? 'public') as keyof typeof shelves] ?? []),
    ],
  }
  const doc = new ResourceTemplate('doc://lib/{shelf}/{name}', { list: undefined, complete })
  server.registerResource('docs', doc, {}, contents)
  const files = { path: () => ['public/a', 'private/payroll', 'public/../private/payroll'] }
  const file = new ResourceTemplate('file:///srv/{+path}', { list: undefined, complete: files })
  server.registerResource('files', file, {}, contents)
  return server
}

test.each(['modern', 'legacy'] as const)(
  'completion shows no value that leads to what is forbidden (%s)',
  async (era) => {
    const { world, agents } = await withAgents('low', 'boss')
    const server = await serve(shelvesServer, {
      name: `shelves-${crypto.randomUUID()}`,
      tlsPort: 0,
      tls: world.tls,
      log: false,
      policy: {
        rules: [
          { allow: [idOf('low')], resources: ['doc://lib/public/*', 'file:///srv/public/**'] },
          { allow: [idOf('boss')], resources: ['*'] },
        ],
      },
    })
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    const completed = async (agent: string, uri: string, name: string, settled?: Record<string, string>) => {
      const params = {
        ref: { type: 'ref/resource', uri },
        argument: { name, value: '' },
        ...(settled && { context: { arguments: settled } }),
      }
      const { result } = await rpc(server.url, agent, 'completion/complete', params, { era })
      return (result?.completion as { values: string[]; total?: number }) ?? {}
    }
    const doc = 'doc://lib/{shelf}/{name}'
    expect(await completed(agents.low, doc, 'shelf')).toMatchObject({ values: ['public'] })
    expect((await completed(agents.low, doc, 'shelf')).total).toBeUndefined()
    expect((await completed(agents.low, doc, 'name', { shelf: 'public' })).values).toEqual(['a', 'b'])
    expect((await completed(agents.low, doc, 'name', { shelf: 'private' })).values).toEqual([])
    expect((await completed(agents.low, 'file:///srv/{+path}', 'path')).values).toEqual(['public/a'])
    expect((await completed(agents.boss, doc, 'name', { shelf: 'private' })).values).toEqual(['payroll'])
    expect((await completed(agents.boss, 'file:///srv/{+path}', 'path')).values).toContain('private/payroll')
  },
)
