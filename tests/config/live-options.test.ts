import { describe, expect, test } from 'vitest'
import { connect, mtlsFetch } from '../../src/client/index.js'
import { serve } from '../../src/server/index.js'
import { Script, slowServer } from '../support/slow-server.js'

// JavaScript does not refuse options of a wrong type: they are refused before anything is read or opened.

const wrong: readonly (readonly [options: object, named: RegExp])[] = [
  [{ log: null }, /log: null: allowed are false and \{ level, securityLog \}/],
  [{ log: 'debug' }, /log: text: allowed are false/],
  [{ log: { level: 'verbose' } }, /log\.level: "verbose": allowed are trace, debug/],
  [{ log: { levle: 'info' } }, /log\.levle: there is no such option/],
  [{ watch: null }, /watch: null: allowed are false and \{ debounceMs, pollMs \}/],
  [{ watch: true }, /watch: true: allowed are false/],
  [{ watch: { pollMs: 'x' } }, /watch\.pollMs: "x": allowed are whole milliseconds/],
  [{ watch: { nope: 1 } }, /watch\.nope: there is no such option$/],
  [{ expiryWarningDays: 30 }, /expiryWarningDays: 30: allowed are lists of days/],
  [{ expiryWarningDays: ['x'] }, /expiryWarningDays\.0: "x": allowed are numbers of days/],
  [{ onSecurityEvent: 'x' }, /onSecurityEvent: "x": a function is wanted/],
]

const ofConnect: typeof wrong = [
  [{ signal: new AbortController() }, /signal: a value of type object: an AbortSignal is wanted/],
  [{ signal: 'x' }, /signal: "x": an AbortSignal is wanted/],
  [{ clientInfo: 'me' }, /clientInfo: text: allowed are \{ name, version \}/],
  [{ clientOptions: [] }, /clientOptions: a list: the options of the SDK are wanted/],
]

const ofFetch: typeof wrong = [
  [{ nope: 1 }, /nope: there is no such option/],
  [{ connectTimeout: 'zzz' }, /connectTimeout: "zzz": allowed are whole milliseconds/],
  [{ handshakeTimeout: 1.5 }, /handshakeTimeout: 1.5: allowed are whole milliseconds/],
  [{ maxConnections: Number.NaN }, /maxConnections: NaN: allowed are whole numbers above 0/],
  [{ maxConnections: 5n }, /maxConnections: a value of type bigint: allowed are whole numbers/],
  [{ serverName: 5 }, /serverName: 5: text is wanted/],
]

const refused = (message: RegExp) => ({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) })

describe('are refused', () => {
  test.each([...wrong, ...ofConnect])('by connect: %o', async (options, message) => {
    const all = { serverUrl: 'https://localhost:1/mcp', ...options }
    await expect(connect(all)).rejects.toMatchObject(refused(message))
  })

  test.each([
    ...wrong,
    [{ limits: { idleTimeout: 1.5 } }, /limits\.idleTimeout: 1.5: .*whole milliseconds/] as const,
  ])('by serve: %o', async (options, message) => {
    const all = { name: 'any', ...options }
    await expect(serve(() => slowServer(new Script()), all)).rejects.toMatchObject(refused(message))
  })

  test.each([...wrong.filter(([options]) => !('log' in options)), ...ofFetch])(
    'by mtlsFetch: %o',
    (options, message) => {
      expect(() => mtlsFetch({}, options)).toThrow(expect.objectContaining(refused(message)))
    },
  )
})

test('a signal and options of the SDK are not frozen', async () => {
  const clientOptions = { capabilities: {} }
  const { signal } = new AbortController()
  await connect({ serverUrl: 'http://localhost:1/', clientOptions, signal }).catch(() => undefined)
  expect([Object.isFrozen(clientOptions), Object.isFrozen(signal)]).toEqual([false, false])
})
