import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { idOf, type JsonRpcAnswer, linesOf, namesIn, rpc } from '../../support/agents.js'
import { codeOf, limited, ruleOf } from '../../support/limited.js'
import { scratch } from '../../support/scratch.js'
import { ask, mcpHeaders } from '../../support/wire.js'

/** How many of so many calls, one after the other, are let in. */
async function letIn(times: number, call: () => Promise<JsonRpcAnswer>): Promise<number> {
  let count = 0
  for (let turn = 0; turn < times; turn++) {
    const code = codeOf(await call())
    if (code === 'ok') count++
    else expect(code).toBe('RATE_LIMITED')
  }
  return count
}

describe.each(['modern', 'legacy'] as const)('calls in a window, in the %s revision:', (era) => {
  test('as many as the rule says, and not one more, of 50 at once over connections of their own', async () => {
    const { call, ran } = await limited([ruleOf('one', { calls: 7, per: '1h' })])
    for (let turn = 0; turn < 2; turn++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => call('one', 'read', era)))
      const refused = answers.filter(({ error }) => error)
      expect(refused).toHaveLength(turn === 0 ? 43 : 50)
      for (const { status, error } of refused) {
        expect({ status, error }).toMatchObject({
          status: 200,
          error: { code: -32_012, message: 'too many calls', data: { code: 'RATE_LIMITED' } },
        })
        expect(error?.data?.request_id).toMatch(/^[\da-f-]{36}$/)
        const wait = Number(error?.data?.retry_after_ms)
        expect(Number.isSafeInteger(wait) && wait > 0 && wait <= 3_600_000).toBe(true)
      }
    }
    expect(ran).toHaveLength(7)
  })

  test('one that waits as long as it is told comes in', async () => {
    const { call } = await limited([ruleOf('one', { calls: 2, per: '500ms' })])
    for (let turn = 0; turn < 3; turn++) {
      const waits: number[] = []
      while (waits.length === 0) {
        const answers = await Promise.all(Array.from({ length: 10 }, () => call('one', 'read', era)))
        for (const { error } of answers) if (error) waits.push(Number(error.data?.retry_after_ms))
      }
      const after = Math.max(...waits)
      expect(after).toBeLessThanOrEqual(500)
      await wait(after)
      expect(codeOf(await call('one', 'read', era))).toBe('ok')
    }
  })
})

describe('what counts:', () => {
  const limit = { calls: 2, per: '1h' }

  test('no call that is refused, for whatever reason', async () => {
    const { call } = await limited([ruleOf('one', limit)])
    for (let turn = 0; turn < 5; turn++) expect(codeOf(await call('one', 'write'))).toBe('NOT_AUTHORIZED')
    expect(await letIn(5, call)).toBe(2)
    expect(codeOf(await call('one', 'write'))).toBe('NOT_AUTHORIZED')
  })

  test('each identity and each server for itself, under one rule', async () => {
    const rule = { ...ruleOf('one', limit), allow: [idOf('one'), idOf('two')] }
    const { call, start } = await limited([rule])
    const { url: other } = await start()
    expect(await letIn(4, () => call('one'))).toBe(2)
    expect(await letIn(4, () => call('two'))).toBe(2)
    expect(await letIn(4, () => call('one', 'read', 'modern', other))).toBe(2)
  })

  test('in every rule that lets it in, and in none when one of them is full', async () => {
    const { call } = await limited([
      ruleOf('one', { calls: 5, per: '1h' }, { tools: ['read', 'who'] }),
      ruleOf('one', { calls: 3, per: '1h' }, { tools: ['read'] }),
      ruleOf('one', { concurrent: 10 }, { tools: ['read'] }),
    ])
    expect(await letIn(10, () => call('one', 'read'))).toBe(3)
    expect(await letIn(10, () => call('one', 'who'))).toBe(2)
  })

  test('what was let in before a reload, where the rule stays as it is; and nothing for one that is another', async () => {
    const rule = ruleOf('one', limit)
    const { call, change } = await limited([rule])
    expect(codeOf(await call())).toBe('ok')
    await change([ruleOf('two', limit, { name: 'a new one before it' }), rule])
    expect(await letIn(3, call)).toBe(1)
    await change([{ ...rule, limit: { calls: 3, per: '1h' } }])
    expect(await letIn(5, call)).toBe(3)
    await change([ruleOf('two', limit)])
    expect(codeOf(await call())).toBe('NOT_AUTHORIZED')
    await change([rule])
    expect(codeOf(await call())).toBe('RATE_LIMITED')
  })

  test('nothing of a batch with a call that is refused', async () => {
    const { url, agents, call, ran } = await limited([ruleOf('one', { calls: 2, per: '1h', concurrent: 2 })])
    const batch = async (...names: string[]) => {
      const messages = names.map((name, id) => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name, arguments: {} },
      }))
      const headers = { ...mcpHeaders, 'mcp-protocol-version': '2025-03-26' }
      return ask(url, agents.one, { headers, body: JSON.stringify(messages) })
    }
    for (const names of [
      ['read', 'write'],
      ['write', 'read'],
      ['read', 'read', 'read'],
    ])
      for (let turn = 0; turn < 3; turn++) {
        const { status, body } = await batch(...names)
        expect(status).toBe(200)
        const answers: JsonRpcAnswer[] = JSON.parse(body)
        expect(answers.map(({ id }) => id)).toEqual([...names.keys()])
        for (const { error } of answers) expect(error?.data?.code).toMatch(/^(NOT_AUTHORIZED|RATE_LIMITED)$/)
      }
    expect(ran).toEqual([])
    expect(await letIn(4, call)).toBe(2)
  })
})

test('where rules are tried out, none holds: the record says what it would have done, and what became of the call', async () => {
  const auditLog = `${scratch()}/audit.jsonl`
  const rules = [ruleOf('one', { calls: 1, per: '1h' })]
  const { server, url, agents, call, change } = await limited(rules, { mode: 'report', auditLog })
  const listed = async () => namesIn(await rpc(url, agents.one, 'tools/list'), 'tools').length
  expect(await listed()).toBe(4)
  expect(codeOf(await call())).toBe('ok')
  expect(codeOf(await call())).toBe('ok')
  expect(codeOf(await call('one', 'write'))).toBe('ok')
  expect(codeOf(await call('two', 'nothing'))).toBe(-32602)
  await change(rules, 'enforce')
  expect(await listed()).toBe(3)
  expect(codeOf(await call())).toBe('RATE_LIMITED')
  expect(codeOf(await call('one', 'write'))).toBe('NOT_AUTHORIZED')
  await change(rules, 'report')
  expect(codeOf(await call('one', 'write'))).toBe('ok')
  await server.close()
  const lines = linesOf(auditLog)
    .filter(({ method }) => method === 'tools/call')
    .map(({ tool, decision, outcome, report, error }) => ({ tool, decision, outcome, report, error }))
  expect(lines).toMatchObject([
    { tool: 'read', decision: 'allowed', outcome: 'ok' },
    { tool: 'read', decision: 'limited', outcome: 'ok', report: true },
    { tool: 'write', decision: 'denied', outcome: 'ok', report: true },
    { tool: 'nothing', decision: 'denied', outcome: 'error', report: true },
    { tool: 'read', decision: 'limited', outcome: 'limited' },
    { tool: 'write', decision: 'denied', outcome: 'denied' },
    { tool: 'write', decision: 'denied', outcome: 'ok', report: true },
  ])
  for (const at of [0, 4, 5]) expect(lines[at]?.report).toBeUndefined()
})
