import { describe, expect, test } from 'vitest'
import { endpointOf, serverUrlProblem, withMcpPath } from '../../src/config/index.js'

const strict = { tls: true, demoMode: false, demoAllowRemote: false }
const demo = { ...strict, demoMode: true }
const plain = { ...strict, tls: false }

describe('a URL without a path is that of /mcp', () => {
  test.each([
    ['https://localhost:8443', 'https://localhost:8443/mcp'],
    ['https://[::1]:6000', 'https://[::1]:6000/mcp'],
    ['HTTPS://mcp.example', 'https://mcp.example/mcp'],
    ['http://127.0.0.1:8081', 'http://127.0.0.1:8081/mcp'],
    ['https://mcp.example?x=1', 'https://mcp.example/mcp?x=1'],
    ['https:/mcp.example', 'https://mcp.example/mcp'],
  ])('%s: %s', (typed, url) => {
    expect(withMcpPath(typed)).toBe(url)
  })

  test.each(['https://mcp.example/', 'https://mcp.example/a?b', 'localhost:8443', ''])(
    '%j stays as it is',
    (typed) => {
      expect(withMcpPath(typed)).toBe(typed)
    },
  )
})

test.each(['https://mcp.example/mcp', 'https://mcp.example:6000/mcp', 'https://[2001:db8::1]:10080/'])(
  '%s may be called',
  (url) => {
    expect(serverUrlProblem(url, strict)).toBeUndefined()
  },
)

describe('a URL without its scheme is told what was meant', () => {
  test.each([
    ['localhost:8445', 'https://localhost:8445/mcp'],
    ['::1', 'https://[::1]/mcp'],
    ['localhost:8445/mcp', 'https://localhost:8445/mcp'],
    ['localhost', 'https://localhost/mcp'],
    ['mcp.example', 'https://mcp.example/mcp'],
    ['mcp.example/a', 'https://mcp.example/a'],
    ['127.0.0.1:8443', 'https://127.0.0.1:8443/mcp'],
    ['[::1]:8443/mcp', 'https://[::1]:8443/mcp'],
  ])('%s: %s', (typed, meant) => {
    expect(serverUrlProblem(typed, strict)).toBe(`${JSON.stringify(typed)}: did you mean ${meant}?`)
  })

  test('without TLS it is plain HTTP', () => {
    expect(serverUrlProblem('localhost:8083', plain)).toMatch(/did you mean http:\/\/localhost:8083\/mcp\?$/)
  })

  test.each(['weather', 'ftp://x', '', 'mailto:a@b.example', 'localhost:99999', 'a b:1', '/mcp'])(
    '%j looks like none',
    (typed) => {
      expect(serverUrlProblem(typed, strict)).toMatch(/allowed are https:\/\/ URLs$/)
    },
  )
})

describe('who stands in a URL is refused and not shown', () => {
  test.each([
    'https://agent:hunter2@mcp.example/mcp',
    'https://hunter2@mcp.example/mcp',
    'https://:hunter2@mcp.example',
    'http://agent:hunter2@mcp.example/mcp',
    'agent:hunter2@mcp.example:8443',
    'ftp://agent:hunter2@mcp.example/',
    'https://agent:hunter2@mcp.example:99999/',
  ])('%s', (url) => {
    expect(serverUrlProblem(url, strict)).toBeTypeOf('string')
    for (const exposure of [strict, demo, plain])
      expect(serverUrlProblem(url, exposure)).not.toMatch(/hunter2/)
  })
})

test('what TLS and demo mode do not allow is said with the URL', () => {
  expect(serverUrlProblem('http://localhost/mcp', strict)).toMatch(/never falls back to plaintext/)
  expect(serverUrlProblem('https://localhost/mcp', plain)).toMatch(/needs TLS, which is off/)
  expect(serverUrlProblem('http://mcp.example/mcp', plain)).toMatch(/without TLS only loopback/)
  expect(serverUrlProblem('https://mcp.example/mcp', demo)).toMatch(/demo mode allows only loopback/)
  expect(serverUrlProblem('https://mcp.example/mcp', { ...demo, demoAllowRemote: true })).toBeUndefined()
})

test.each([
  ['https://mcp.example/mcp', 'mcp.example', 443],
  ['http://localhost/', 'localhost', 80],
  ['https://[::1]:6000/mcp', '::1', 6000],
  ['https://localhost:0/mcp', 'localhost', 0],
])('%s is at %s, port %i', (url, host, port) => {
  expect(endpointOf(new URL(url))).toEqual({ host, port })
})

test.each(['https://localhost:65536/mcp', 'https://::1:8443/', 'https://[::1'])(
  '%s is told to be no URL',
  (url) => {
    expect(serverUrlProblem(url, strict)).toContain('look at its host and its port')
  },
)
