import { expect, test } from 'vitest'
import { parseClientConfig } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'
import { directoryWith, usualFiles } from '../support/scratch.js'

const tls = () => ({ certDir: directoryWith(...usualFiles) })

test('TLS, 30 seconds and two retries are the defaults', () => {
  const config = parseClientConfig({ serverUrl: 'https://mcp.example:8443/mcp', tls: tls() })
  expect(config).toMatchObject({
    serverUrl: 'https://mcp.example:8443/mcp',
    useTls: true,
    timeoutMs: 30_000,
    maxAnswerBytes: 10 * 1024 * 1024,
    retryAttempts: 2,
    tls: { demoMode: false },
  })
  expect(Object.isFrozen(config)).toBe(true)
})

test('a URL object and any port are fine', () => {
  const config = parseClientConfig({ serverUrl: new URL('https://mcp.example:443/mcp'), tls: tls() })
  expect(config.serverUrl).toBe('https://mcp.example/mcp')
})

test('http:// while TLS is on is refused: nothing falls back to plaintext', () => {
  const error = refusal(() => parseClientConfig({ serverUrl: 'http://localhost:8081/mcp' }))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toContain('never falls back to plaintext')
})

test('https:// while TLS is off is refused', () => {
  const error = refusal(() => parseClientConfig({ serverUrl: 'https://localhost:8443/mcp', useTls: false }))
  expect(error.message).toContain('needs TLS, which is off')
})

test('without TLS only loopback is called', () => {
  expect(parseClientConfig({ serverUrl: 'http://[::1]:8081/mcp', useTls: false })).not.toHaveProperty('tls')
  const error = refusal(() => parseClientConfig({ serverUrl: 'http://mcp.example/mcp', useTls: false }))
  expect(error.message).toContain('mcp.example: without TLS only loopback')
})

test('demo mode calls beyond loopback only when told twice', () => {
  const serverUrl = 'https://mcp.example/mcp'
  const demo = { ...tls(), demoMode: true }
  expect(refusal(() => parseClientConfig({ serverUrl, tls: demo })).message).toContain('demo mode')
  const config = parseClientConfig({ serverUrl, tls: { ...demo, demoAllowRemote: true } })
  expect(config.serverUrl).toBe(serverUrl)
})

test('every problem is in one error', () => {
  const error = refusal(() =>
    parseClientConfig({ serverUrl: 'ftp://x', timeoutMs: 0, retryAttempts: -1, serverUrL: '', useTls: 'no' }),
  )
  expect(error.code).toBe('CONFIG_INVALID')
  for (const part of [
    'serverUrl: "ftp://x": allowed are https:// URLs',
    'timeoutMs: 0: allowed are durations above 0',
    'retryAttempts: -1: allowed are whole numbers from 0',
    'serverUrL: there is no such option (did you mean serverUrl?)',
    'useTls: "no": allowed are true and false',
  ])
    expect(error.message).toContain(part)
})

test.each([{}, { serverUrl: '' }, { serverUrl: 'localhost:8443' }, { serverUrl: 8443 }, undefined])(
  '%j has no usable URL',
  (input) => {
    const error = refusal(() => parseClientConfig(input))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toMatch(/serverUrl|options/)
  },
)
