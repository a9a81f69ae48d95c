import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { Fault, faultAnswer } from '../../src/relay/fault.js'
import { foreignServer } from '../support/foreign-server.js'
import { makeWorld } from '../support/world.js'

/** What a call rejects with that such a server answers, whose tool has asked for more so many times before. */
async function rejected(answer: (id: number) => object, { rounds = 0 } = {}) {
  await using world = await makeWorld()
  let calls = 0
  await using foreign = await foreignServer(world.server, (_request, response, body) => {
    const { id, method } = JSON.parse(body)
    const results: Record<string, object> = {
      'server/discover': {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        serverInfo: { name: 'gate', version: '1.0.0' },
      },
      'tools/list': { resultType: 'complete', tools: [], ttlMs: 0, cacheScope: 'private' },
    }
    const result =
      method === 'tools/call' && calls++ < rounds
        ? { resultType: 'input_required', requestState: 'begun' }
        : results[method]
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(result ? { jsonrpc: '2.0', id, result } : answer(id)))
  })
  await using client = await connect({ serverUrl: foreign.url, tls: world.tls, log: false })
  return await client.callTool({ name: 'any', arguments: {} }).catch((error: unknown) => error)
}

const fault = (sent: 'no' | 'maybe') => (id: number) => faultAnswer(id, new Fault('it does not run', sent))

test('a call that a gate has not passed on was not sent; one that it may have passed on may have run', async () => {
  expect(await rejected(fault('no'))).toMatchObject({ code: -32010, sent: 'no' })
  expect(await rejected(fault('maybe'))).toMatchObject({ code: -32010, sent: 'maybe' })
})

test('a call that the server had begun may have run, whatever a gate says of its second request', async () => {
  expect(await rejected(fault('no'), { rounds: 1 })).toMatchObject({ code: -32010, sent: 'maybe' })
})

test.each([
  ['another code', { code: -32000, data: { code: 'CONNECTION_FAILED', sent: 'no' } }],
  ['no data', { code: -32010 }],
  ['data of another kind', { code: -32010, data: 'no' }],
  ['another word', { code: -32010, data: { sent: 'never' } }],
])('an error with %s says nothing of it', async (_what, { code, data }: { code: number; data?: unknown }) => {
  const error = { code, message: 'wrong', ...(data !== undefined && { data }) }
  expect(await rejected((id) => ({ jsonrpc: '2.0', id, error }))).toMatchObject({ code, sent: 'maybe' })
})
