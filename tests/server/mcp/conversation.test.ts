import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { type Call, classify } from '../../../src/auth/call.js'
import {
  Conversation,
  type ConversationOptions,
  type LateMessage,
} from '../../../src/server/mcp/conversation.js'
import type { Oversight, RunningCall } from '../../../src/server/mcp/oversight.js'

const origin = { caller: undefined, server: 'test', protocolVersion: '2025-11-25' }
const call = (name: string, id: number, args: object = {}) =>
  classify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }, origin).calls

/** A conversation with a server that does nothing by itself, and its transport. */
async function conversation(options: Partial<ConversationOptions> = {}) {
  const late: LateMessage[] = []
  const talk = new Conversation({ onCall: () => {}, onLate: (message) => late.push(message), ...options })
  const sent: JSONRPCMessage[] = []
  const transport: Transport = {
    start: async () => {},
    send: async (message) => void sent.push(message),
    close: async () => {},
  }
  const reached: JSONRPCMessage[] = []
  const connect = async (to: Transport) => {
    to.onmessage = (message) => void reached.push(message)
  }
  await talk.connect({ connect }, transport)
  return { talk, transport, late, sent, reached }
}

const notice: JSONRPCMessage = { jsonrpc: '2.0', method: 'notifications/message', params: {} }

test('a late message names the tool that was called, and no name that a client made up', async () => {
  const { talk, transport, late, sent } = await conversation()
  talk.begin([...call('real', 1), ...call('x'.repeat(10_000), 2)])
  await transport.send({ jsonrpc: '2.0', id: 1, result: { content: [] } })
  await transport.send({ jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'not found' } })
  await transport.send(notice, { relatedRequestId: 1 })
  await transport.send(notice, { relatedRequestId: 2 })
  await transport.send(notice, { relatedRequestId: 3 })
  expect(late.map(({ tool }) => tool)).toEqual(['real', undefined, undefined])
  expect(sent).toHaveLength(2)
})

test('a call that is ended before the server has it never reaches the server', async () => {
  const running: RunningCall[] = []
  const oversight = {
    begun: (_call: Call, one: RunningCall) => void running.push(one),
  } as unknown as Oversight
  const { talk, transport, sent, reached } = await conversation({ oversight })
  talk.begin([...call('first', 1), ...call('second', 2)])
  const error = { code: -32_011, message: 'not authorized' }
  expect(running[0]?.revoke(error)).toBe(true)
  expect(running[0]?.revoke(error)).toBe(false)
  for (const id of [1, 2]) transport.onmessage?.({ jsonrpc: '2.0', id, method: 'tools/call', params: {} })
  expect(reached).toMatchObject([{ id: 2 }])
  expect(sent).toEqual([{ jsonrpc: '2.0', id: 1, error }])
})

test('nothing large is kept of a call that has ended', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { talk, transport } = await conversation()
  const kept = (() => {
    const args = { text: 'x' }
    talk.begin(call('echo', 1, args))
    return new WeakRef(args)
  })()
  await new Promise(setImmediate)
  collect()
  expect(kept.deref()).toEqual({ text: 'x' })
  await transport.send({ jsonrpc: '2.0', id: 1, result: { content: [] } })
  await new Promise(setImmediate)
  collect()
  expect(kept.deref()).toBeUndefined()
  await transport.send(notice, { relatedRequestId: 1 }) // which is still known
})
