import { expect, test } from 'vitest'
import { caller } from '../../../src/perf/load/caller.js'
import { recordCall, toolToCall } from '../../../src/perf/load/recorded-call.js'
import { makeWorld, serveTest } from '../../support/world.js'

const { signal } = new AbortController()
const tool = (name: string, required: string[], readOnlyHint = true) => ({
  name,
  inputSchema: { type: 'object' as const, required },
  annotations: { readOnlyHint },
})

test('a tool is called that only reads: an echo, else one that asks for nothing, else none', () => {
  expect(toolToCall([tool('now', []), tool('echo', ['text'])])?.name).toBe('echo')
  expect(toolToCall([tool('getTemperature', ['city']), tool('now', [])])).toEqual({
    name: 'now',
    arguments: {},
  })
  expect(toolToCall([tool('delete', [], false), tool('getTemperature', ['city'])])).toBeUndefined()
})

test('a recorded call can be sent again and again, several at once', async () => {
  await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
  const call = await recordCall(new URL(served.server.url), undefined, signal)
  expect(call.title).toBe('the tool echo')
  expect(call.connection).toBeUndefined()
  const { call: send, close } = caller(call, undefined)
  await Promise.all([send(), send(), send()])
  close()
  expect(served.calls).toHaveLength(4)
})

test('a call over mTLS says what was negotiated', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { connection } = await recordCall(new URL(served.server.url), world.tls, signal)
  expect(connection).toMatchObject({ tlsVersion: 'TLSv1.3', verified: true })
})

test('a server that refuses us is an error with its reason', async () => {
  await using world = await makeWorld()
  await using other = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const mixed = {
    ...world.tls,
    clientCert: `${other.certDir}/client.crt`,
    clientKey: `${other.certDir}/client.key`,
  }
  await expect(recordCall(new URL(served.server.url), mixed, signal)).rejects.toMatchObject({
    code: 'CLIENT_CERT_REJECTED',
  })
})

test('a repetition that gets no result is an error', async () => {
  await using served = await serveTest({ tlsEnabled: false, httpPort: 0 })
  const call = await recordCall(new URL(served.server.url), undefined, signal)
  const broken = { ...call, message: { ...call.message, params: { name: 'nonsense' } } }
  const { call: send, close } = caller(broken, undefined)
  await expect(send()).rejects.toMatchObject({ code: 'TOOL_FAILED' })
  await served.server.close({ drainTimeout: 0 })
  await expect(send()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  close()
})
