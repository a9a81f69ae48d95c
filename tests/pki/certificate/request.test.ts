import { expect, test } from 'vitest'
import { MtlsError } from '../../../src/errors.js'
import { type CertificateRequest, parseRequest, parseRequests } from '../../../src/pki/certificate/request.js'

const server: CertificateRequest = { type: 'server', commonName: 'mcp-server' }

function problemsOf(request: object): string {
  try {
    parseRequest({ ...server, ...request })
    return ''
  } catch (error) {
    if (!(error instanceof MtlsError) || error.code !== 'CONFIG_INVALID') throw error
    return error.message
  }
}

test('every problem of a request stands in one error', () => {
  const message = problemsOf({
    commonName: '',
    organization: 'x'.repeat(65),
    country: 'Nepal',
    validityDays: 0,
    keyType: 'dsa',
    subjectAltNames: ['no spaces here', 'ip:localhost'],
  })
  for (const part of [
    'commonName',
    'organization',
    '"Nepal"',
    'validityDays: 0',
    '"dsa"',
    'no spaces',
    'ip:localhost',
  ])
    expect(message).toContain(part)
})

test.each([
  { validityDays: -1 },
  { validityDays: 3651 },
  { validityDays: Number.NaN },
  { keyType: 'rsa', keySize: 1024 },
  { keyType: 'rsa', keySize: 2049 },
  { keySize: 2048 },
  { commonName: 'two\nlines' },
  { commonName: ' padded' },
  { commonName: 'x'.repeat(65) },
  { country: 'D' },
  { country: 'D1' },
  { subjectAltNames: ['spiffe://a/1', 'spiffe://a/2'] },
])('$validityDays$keyType$keySize$commonName$country$subjectAltNames is refused', (request) => {
  expect(problemsOf(request)).not.toBe('')
})

test.each([
  'a..b',
  '-a.example',
  '*.com',
  'a.*.example',
  '*',
  'x'.repeat(64),
  'dns:10.0.0.1',
  'dns:0x7f.1',
  'a,b',
  'ip:10.0.0.256',
  'fe80::1%eth0',
  'email:nobody',
  'a@b@c',
  'ä@example.org',
  'uri:relative/path',
  'http://',
  'https://exa mple.org',
  'spiffe://',
  'spiffe://Upper/x',
  'spiffe://a:8443/x',
  'spiffe://a/x?y',
  'spiffe://a/../b',
  'spiffe://a/x/',
  'SPIFFE://a/x',
  '',
])('%j is no subject alternative name', (name) => {
  expect(problemsOf({ subjectAltNames: [name] })).toContain('subjectAltNames')
})

test.each([
  ['weather', 'dns', 'weather'],
  ['WEATHER_mcp', 'dns', 'weather_mcp'],
  ['a.example.org', 'dns', 'a.example.org'],
  ['DNS:spiffe.example', 'dns', 'spiffe.example'],
  ['0:0:0:0:0:0:0:1', 'ip', '::1'],
  ['uri:urn:example:a', 'uri', 'urn:example:a'],
  ['dns://example.org/x', 'uri', 'dns://example.org/x'],
  ['spiffe://example.org', 'uri', 'spiffe://example.org'],
  ["o'neill+x@example.org", 'email', "o'neill+x@example.org"],
])('%j is read as %s', (text, kind, value) => {
  const names = parseRequest({ ...server, type: 'client', subjectAltNames: [text] }).names
  expect(names).toEqual([{ kind, value }])
})

test("a server's own name is its first SAN when it is a host name or an address", () => {
  const first = (commonName: string) => parseRequest({ ...server, commonName }).names[0]
  expect(first('Weather.example')).toEqual({ kind: 'dns', value: 'weather.example' })
  expect(first('::1')).toEqual({ kind: 'ip', value: '::1' })
  expect(first('The weather server')).toBeUndefined()
})

test('the problems of several requests stand in one error, each once', () => {
  const both = () =>
    parseRequests(
      [
        { ...server, country: 'XYZ', commonName: '' },
        { type: 'client', commonName: 'c', country: 'XYZ', subjectAltNames: ['?'] },
      ],
      { country: 'XYZ' },
    )
  expect(both).toThrow(
    /^cannot make certificates: commonName: [^;]*; country: [^;]*; subjectAltNames: [^;]*;?[^;]*$/,
  )
})

test.each([
  ['client', 'c', ['spiffe://example.org/a', 'https://example.org/b'], /client: more than one URI/],
  ['server', 's', ['spiffe://example.org/a', 'spiffe://example.org/b'], /server: more than one URI/],
  ['client', '*', [], /client: no SPIFFE ID.*\(a wildcard is none/],
  ['client', '*.example.com', ['*.example.com'], /client: no SPIFFE ID.*\(a wildcard is none/],
  ['server', '*.example.com', [], /server: no SPIFFE ID/],
] as const)('%s %s %j is not made: everybody would refuse it', (type, commonName, subjectAltNames, words) => {
  expect(() => parseRequest({ type, commonName, subjectAltNames })).toThrow(words)
})

test.each([
  ['client', '*', ['spiffe://example.org/a']],
  ['client', '*', ['a.example.com']],
  ['client', 'c', ['https://example.org/a', 'https://example.org/b']],
  ['server', '*.example.com', ['a.example.com']],
] as const)('%s %s %j has a name of its own', (type, commonName, subjectAltNames) => {
  expect(parseRequest({ type, commonName, subjectAltNames }).commonName).toBe(commonName)
})
