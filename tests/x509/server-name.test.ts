import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coversServerName } from '../../src/x509/server-name.js'
import type { SubjectNames } from '../../src/x509/subject-names.js'
import { holdsOnBothSides } from '../support/sides.js'

const names = (some: Partial<SubjectNames>): SubjectNames => ({
  dns: [],
  ip: [],
  email: [],
  uri: [],
  ...some,
})

test.each<[host: string, dns: string[], ip: string[]]>([
  ['localhost', ['localhost'], []],
  ['LocalHost', ['localhost'], []],
  ['localhost', ['LOCALHOST'], []],
  ['mcp.example.org.', ['mcp.example.org'], []],
  ['mcp.example.org', ['other', '*.example.org'], []],
  ['127.0.0.1', [], ['127.0.0.1']],
  ['::1', [], ['::1']],
  ['[::1]', [], ['::1']],
  ['2001:0db8:0000::0001', [], ['2001:db8::1']],
  ['fe80::1%eth0', [], ['fe80::1']],
])('%s is covered by DNS %j and IP %j', (host, dns, ip) => {
  expect(coversServerName(names({ dns, ip }), host)).toBe(true)
})

test.each<[host: string, dns: string[], ip: string[]]>([
  ['localhost', [], []],
  ['localhost', ['localhost.evil'], []],
  ['localhost', ['localhost..', 'localhost...', '.localhost'], []],
  ['evil.localhost', ['localhost'], []],
  ['example.org', ['*.example.org'], []],
  ['a.b.example.org', ['*.example.org'], []],
  ['example.org', ['*.org'], []],
  ['localhost', ['*'], []],
  ['example.org', ['*.*'], []],
  ['mcp.example.org', ['m*.example.org'], []],
  ['mcp.example.org', ['mcp.*.org'], []],
  ['127.0.0.1', ['127.0.0.1', '*.0.0.1'], []],
  ['127.0.0.1', [], ['127.0.0.2']],
  ['::1', ['::1'], []],
  ['::ffff:127.0.0.1', [], ['127.0.0.1']],
  ['localhost', [], ['127.0.0.1']],
  ['', ['', '*'], []],
  ['.example.org', ['.example.org', '*.example.org'], []],
  ['.', ['.'], []],
])('%j is not covered by DNS %j and IP %j', (host, dns, ip) => {
  expect(coversServerName(names({ dns, ip }), host)).toBe(false)
})

test('email addresses and URIs cover nothing', () => {
  const host = 'mcp.example.org'
  expect(coversServerName(names({ uri: [`https://${host}`, host], email: [host] }), host)).toBe(false)
})

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/)
const domain = fc.array(label, { minLength: 2, maxLength: 4 })

test('a wildcard stands for one whole left-most label and no other number of them', () => {
  holdsOnBothSides(
    fc.tuple(domain, fc.array(label, { maxLength: 2 })),
    ([rest, left]) => {
      const covered = coversServerName(names({ dns: [`*.${rest.join('.')}`] }), [...left, ...rest].join('.'))
      expect(covered).toBe(left.length === 1)
      return covered
    },
    { runs: 500, accepted: 50, refused: 50 },
  )
})

test('nothing a certificate or a URL may hold makes it throw', () => {
  const texts = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6(), fc.domain()))
  const host = fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6(), fc.domain())
  fc.assert(
    fc.property(texts, texts, host, (dns, ip, wanted) => {
      expect(typeof coversServerName(names({ dns, ip }), wanted)).toBe('boolean')
    }),
  )
})
