import { EventEmitter } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Audit, CallEnd } from '../../../src/audit/index.js'
import { classify } from '../../../src/auth/call.js'
import { nobody, readPolicy, requirePolicy } from '../../../src/auth/policy/policy.js'
import { Authorizer } from '../../../src/server/authorization/authorizer.js'
import { serve } from '../../../src/server/index.js'
import type { Inbound } from '../../../src/server/mcp/exchange.js'
import { libraryServer, rpc, withAgents } from '../../support/agents.js'
import { reporting } from '../../support/audited.js'
import { eras } from '../../support/guarded.js'
import { scratch } from '../../support/scratch.js'

describe.each(eras)('a call that a new policy forbids, %s', (era) => {
  test('runs nothing when its server was still being made', async () => {
    const { world, agents } = await withAgents('admin')
    const policy = join(scratch(), 'policy.json')
    const write = (tools: string[]) =>
      writeFileSync(policy, JSON.stringify({ rules: [{ allow: ['anyone'], tools }] }), { mode: 0o600 })
    write(['*'])
    const ran: string[] = []
    let asked = () => {}
    let go = () => {}
    const hasAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const mayGo = new Promise<void>((resolve) => {
      go = resolve
    })
    let made = 0
    const server = await serve(
      async () => {
        if (made++ > 0) {
          asked()
          await mayGo
        }
        return libraryServer(ran)
      },
      {
        name: `library-${crypto.randomUUID()}`,
        tlsPort: 0,
        tls: world.tls,
        log: false,
        policy,
        perRequest: true,
      },
    )
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    const call = rpc(server.url, agents.admin, 'tools/call', { name: 'write', arguments: {} }, { era }).catch(
      () => undefined,
    )
    await hasAsked
    write(['read'])
    expect(await server.reload()).toBe(true)
    go()
    const answer = await call
    expect(answer?.result).toBeUndefined()
    // A call that runs at all runs before the next one is answered.
    await rpc(server.url, agents.admin, 'tools/call', { name: 'read', arguments: {} }, { era })
    expect(ran).toEqual(['read'])
  })
})

test('a call that a new policy forbids is denied when it comes while the record takes note of the call', async () => {
  const policyOf = async (tools: string[]) =>
    requirePolicy(await readPolicy({ rules: [{ allow: ['anyone'], tools }] }), 'policy')
  let policy = await policyOf(['*'])
  const strict = await policyOf(['read'])
  const outcomes: unknown[] = []
  const audit = {
    onFailure: 'deny',
    intent: async () => {
      policy = strict
    },
    record: ({ outcome }: CallEnd) => outcomes.push(outcome),
  }
  const authorizer = new Authorizer({
    server: 'library',
    policy: () => policy,
    audit: audit as unknown as Audit,
    subjectOf: () => ({ ...nobody, verified: true }),
    onDecision: () => {},
  })
  const admit = async (name: string) => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }
    const { calls } = classify(body, { caller: reporting, server: 'library', protocolVersion: '2025-11-25' })
    const request = { headers: {}, socket: {} }
    const response = new EventEmitter()
    const inbound = { request, response, body, calls, isLegacy: true } as unknown as Inbound
    return authorizer.admit(inbound)
  }
  expect(await admit('write')).toBeInstanceOf(Response)
  expect(outcomes).toEqual(['denied'])
  policy = await policyOf(['*'])
  expect(await admit('read')).not.toBeInstanceOf(Response)
})

test('a policy that comes while a batch is judged counts for all of it', async () => {
  const policyOf = async (tools: string[]) =>
    requirePolicy(await readPolicy({ rules: [{ allow: ['anyone'], tools }] }), 'policy')
  const strict = await policyOf(['read'])
  let policy = await policyOf(['*'])
  const authorizer = new Authorizer({
    server: 'library',
    policy: () => policy,
    audit: undefined,
    subjectOf: () => ({ ...nobody, verified: true }),
    onDecision: () => {},
  })
  const call = (id: number, name: string) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })
  const body = [call(1, 'write'), call(2, 'read')]
  const { calls } = classify(body, { caller: reporting, server: 'library', protocolVersion: '2025-03-26' })
  const inbound = {
    request: { headers: {}, socket: {} },
    response: new EventEmitter(),
    body,
    calls,
    isLegacy: true,
  } as unknown as Inbound
  const admitted = authorizer.admit(inbound) // the first has been judged when this returns
  policy = strict
  expect(await admitted).toBeInstanceOf(Response)
})
