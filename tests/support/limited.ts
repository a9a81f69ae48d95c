import { expect, onTestFinished } from 'vitest'
import { type ServeOptions, serve } from '../../src/server/index.js'
import { idOf, type JsonRpcAnswer, libraryServer, rpc, withAgents } from './agents.js'
import { policyFile } from './changing-policy.js'

/** A rule that lets an agent read, wait and ask who it is, within this limit. */
export const ruleOf = (agent: string, limit: object, more: object = {}) => ({
  allow: [idOf(agent)],
  tools: ['read', 'wait', 'who'],
  ...more,
  limit,
})

/** A server with a policy of these rules, and agents who call it; it is changed by `change` alone. */
export async function limited(
  rules: readonly object[],
  options: Partial<ServeOptions> & { mode?: string } = {},
) {
  const { mode = 'enforce', ...others } = options
  const { world, agents } = await withAgents('one', 'two')
  const ran: string[] = []
  const text = (rules: readonly object[], mode: string) => JSON.stringify({ mode, rules })
  const file = policyFile(text(rules, mode))
  const start = async () => {
    const server = await serve(() => libraryServer(ran), {
      name: `limited-${crypto.randomUUID()}`,
      tlsPort: 0,
      tls: world.tls,
      log: false,
      policy: file.path,
      watch: false,
      ...others,
    })
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    return server
  }
  const server = await start()
  const { url } = server
  const call = (agent: 'one' | 'two' = 'one', name = 'read', era: 'modern' | 'legacy' = 'modern', at = url) =>
    rpc(at, agents[agent], 'tools/call', { name, arguments: {} }, { era })
  const change = async (rules: readonly object[], mode = 'enforce') => {
    file.write(text(rules, mode))
    expect(await server.reload()).toBe(true)
  }
  return { server, url, agents, ran, call, change, start }
}

/** What became of a call: `ok`, or a code. */
export const codeOf = ({ error, result }: JsonRpcAnswer) =>
  result ? 'ok' : (error?.data?.code ?? error?.code)
