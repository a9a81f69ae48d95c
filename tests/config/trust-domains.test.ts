import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseTlsConfig, readSettings } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'
import { directoryWith, usualFiles } from '../support/scratch.js'

test('the files of each trust domain are located as the others are', () => {
  const certDir = directoryWith(...usualFiles, 'a.crt', 'b.crt')
  const [one, two] = [join(certDir, 'a.crt'), join(certDir, 'b.crt')]
  const trustDomains = { 'example.org': one, 'partner.example': [one, two] }
  expect(parseTlsConfig({ certDir, trustDomains }, 'server').trustDomains).toEqual([
    { domain: 'example.org', caCert: one },
    { domain: 'partner.example', caCert: one },
    { domain: 'partner.example', caCert: two },
  ])
})

test('a file that is missing is told of with the setting, in demo mode too', () => {
  const certDir = directoryWith(...usualFiles)
  for (const demoMode of [false, true]) {
    const trustDomains = { 'example.org': join(certDir, 'a.crt') }
    const error = refusal(() => parseTlsConfig({ certDir, trustDomains, demoMode }, 'client'))
    expect(error.code).toBe('CERT_NOT_FOUND')
    expect(error.message).toMatch(/trustDomains: .*a\.crt does not exist/)
  }
  mkdirSync(join(certDir, 'a.crt'))
  const trustDomains = { 'example.org': join(certDir, 'a.crt') }
  expect(refusal(() => parseTlsConfig({ certDir, trustDomains }, 'client')).message).toContain(
    'is not a file',
  )
  rmSync(certDir, { recursive: true })
})

test.each([
  [{ 'Example.org': 'a.crt' }],
  [{ 'spiffe://example.org': 'a.crt' }],
  [{ 'example.org/a': 'a.crt' }],
  [{ '': 'a.crt' }],
  [{ 'example.org': [] }],
  [{ 'example.org': '' }],
  [{ 'example.org': ['a.crt', ''] }],
  [{ 'example.org': 7 }],
  [['a.crt']],
  ['example.org=a.crt'],
])('%j binds nothing', (trustDomains) => {
  const error = refusal(() => parseTlsConfig({ trustDomains }, 'server'))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toContain('trustDomains')
})

test('the variable takes several domains, and one domain twice, with paths relative to the directory', () => {
  const env = {
    TLS_TRUST_DOMAINS: 'example.org=ca-a.crt, partner.example=/etc/ca=b.crt,example.org=./ca-c.crt,',
  }
  expect(readSettings({ env, cwd: '/certs' }).tls.trustDomains).toEqual({
    'example.org': ['/certs/ca-a.crt', '/certs/ca-c.crt'],
    'partner.example': ['/etc/ca=b.crt'],
  })
  const flags = { trustDomains: 'third.example=c.crt' }
  expect(readSettings({ env, flags, cwd: '/certs' }).tls.trustDomains).toEqual({
    'third.example': ['/certs/c.crt'],
  })
  expect(readSettings({ cwd: '/certs' }).tls).not.toHaveProperty('trustDomains')
})

test.each([
  'example.org',
  'example.org=',
  '=a.crt',
  'Example.org=a.crt',
  'spiffe://a=a.crt',
  'a=b.crt,c',
  ',',
])('the variable %j is an error that says what is allowed', (text) => {
  const error = refusal(() => readSettings({ env: { TLS_TRUST_DOMAINS: text } }))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toMatch(
    /TLS_TRUST_DOMAINS \(--trust-domains\): .*(example\.org=ca-a\.crt|names no trust domain)/,
  )
})
