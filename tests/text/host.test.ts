import { expect, test } from 'vitest'
import { bare, bracketed, hostPort } from '../../src/text/host.js'

test.each([
  ['::1', '[::1]'],
  ['2001:db8::1', '[2001:db8::1]'],
  ['127.0.0.1', '127.0.0.1'],
  ['mcp.example', 'mcp.example'],
])('%s is %s in a URL', (host, inUrl) => {
  expect(bracketed(host)).toBe(inUrl)
  expect(bare(inUrl)).toBe(host)
  expect(bare(host)).toBe(host)
  expect(hostPort({ host, port: 443 })).toBe(`${inUrl}:443`)
})
