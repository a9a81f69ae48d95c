import { expect, test } from 'vitest'
import { upstreamProblem } from '../../src/config/index.js'

test.each([
  'http://127.0.0.1:9000/mcp',
  'http://127.8.8.8:9000/mcp',
  'http://127.1:9000/', // as URLs read it: 127.0.0.1
  'http://[::1]:9000/mcp',
  'http://localhost:9000/a/b?c=d',
  'HTTP://LOCALHOST:80',
])('%s may stand behind', (url) => {
  expect(upstreamProblem(url)).toBeUndefined()
})

test.each([
  ['http://10.0.0.1:9000/mcp', 'must be on loopback'],
  ['http://0.0.0.0:9000/mcp', 'must be on loopback'],
  ['http://[::]:9000/mcp', 'must be on loopback'],
  ['http://mcp.example/mcp', 'must be on loopback'],
  ['http://localhost.example/mcp', 'must be on loopback'],
  ['http://a.localhost/mcp', 'must be on loopback'], // resolvers differ
  ['http://127.0.0.1@evil.example/mcp', 'no user and no password'],
  ['http://user:secret@127.0.0.1/mcp', 'no user and no password'],
  ['http://127.0.0.1/mcp#part', 'no fragment'],
  ['https://127.0.0.1/mcp', 'http://'],
  ['unix:/run/mcp.sock', 'http://'],
  ['127.0.0.1:9000', 'http://'],
  ['localhost:9000/mcp', 'http://'],
  ['', 'http://'],
])('%s may not: %s', (url, words) => {
  expect(upstreamProblem(url)).toContain(words)
  expect(upstreamProblem(url)).not.toContain('secret')
})
