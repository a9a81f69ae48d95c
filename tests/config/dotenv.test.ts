import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDotenv, settingNotices } from '../../src/config/index.js'
import type { MtlsError } from '../../src/errors.js'
import { refusal } from '../support/refusal.js'
import { scratch } from '../support/scratch.js'

function read(content: string | Buffer) {
  const directory = scratch()
  writeFileSync(join(directory, '.env'), content)
  return readDotenv(directory)
}

describe('.env', () => {
  const plain = 'TLS_CRL=./ca.crl\nMCP_HOST=127.0.0.5\n'
  const values = { TLS_CRL: './ca.crl', MCP_HOST: '127.0.0.5' }
  test.each<[string, string | Buffer]>([
    ['as it is', plain],
    ['with a byte order mark', `\ufeff${plain}`],
    ['in UTF-16, low byte first', Buffer.from(`\ufeff${plain}`, 'utf16le')],
    ['in UTF-16, high byte first', Buffer.from(`\ufeff${plain}`, 'utf16le').swap16()],
    ['with the line ends of Windows', plain.replaceAll('\n', '\r\n')],
    ['with those of old Macs', plain.replaceAll('\n', '\r')],
    ['with export', plain.replace(/^/gm, 'export ').replace(/export $/, '')],
    [
      'with export and tabs, and spaces that do not break',
      'export\tTLS_CRL=./ca.crl\n\u00a0export  \tMCP_HOST\u00a0=127.0.0.5',
    ],
    ['with spaces, comments and empty lines', '# a\n\n  TLS_CRL = ./ca.crl # the list\nMCP_HOST=127.0.0.5'],
    ['in quotes', `TLS_CRL="./ca.crl" # b\nMCP_HOST='127.0.0.5'`],
  ])('%s is read', (_form, content) => {
    expect(read(content)).toEqual(values)
  })

  test('what stands in quotes may have anything in it, lines too', () => {
    expect(read('TLS_KEY_PASSPHRASE="a#b \' c"\nA="one\ntwo"\nB=\'x=y\'\nC=')).toEqual({
      TLS_KEY_PASSPHRASE: "a#b ' c",
      A: 'one\ntwo',
      B: 'x=y',
      C: '',
    })
  })

  test.each([
    ['TLS_KEY_PASSPHRASE=s3cret#word', /line 1: has a # in a value without quotes/],
    ['A=1\nTLS_CRL ./s3cret', /line 2: is not NAME=value/],
    ['s3cret', /line 1: is not NAME=value/],
    [
      'A=`open\nTLS_KEY_PASSPHRASE=s3cret\n`\n',
      /line 2: is inside of a value whose quote was not closed before/,
    ],
    [
      'A="open\nAUDIT_ON_FAILURE=s3cret\nB="closed\n',
      /line 2: is inside of a value whose quote was not closed before/,
    ],
    ['A="open\nTLS_KEY_PASSPHRASE=s3cret\n', /line 1: has a quote that is not closed/],
    ['A="open\nTLS_KEY_PASSPHRASE="s3cret"\n', /line 2: has text after the closing quote/],
    ['A="open\nTLS_KEY_PASSPHRASE=s3cret"\n', /line 1: has a quote that is closed lines later/],
    ['A="a" s3cret', /line 1: has text after the closing quote/],
    ['A=s3c"ret', /line 1: has a quote inside/],
    ['1A=s3cret\nB=s3cret#\n', /2 problems\n {2}line 1: is not NAME=value\n {2}line 2: has a #/],
  ])('%j is refused with its line, and nothing that stands there', (content, words) => {
    const error = refusal(() => read(content)) as MtlsError
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(words) })
    expect(error.message + error.hint).not.toMatch(/s3c|ret/)
  })

  test('no bytes end in anything but values or a refusal with words', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 200 })),
        (content) => {
          try {
            for (const value of Object.values(read(Buffer.from(content as string))))
              expect(value).toBeTypeOf('string')
          } catch (error) {
            expect(error).toMatchObject({ name: 'MtlsError', code: 'CONFIG_INVALID' })
          }
        },
      ),
    )
  })
})

test('names that begin like ours and are none get one line, and so does what .env weakens', () => {
  expect(
    settingNotices({ env: { TLS_CERTS: 'x', PATH: '' }, dotenv: { MCP_HOTS: 'y', TLS_CERTS: 'z' } }),
  ).toEqual(['no such setting: MCP_HOTS, TLS_CERTS'])
  expect(settingNotices({ dotenv: { tls_crl: 'x', exportTLS_CRL: 'x', HTTPS_PROXY: 'x' } })).toEqual([
    'no such setting: exportTLS_CRL, tls_crl',
  ])
  const dotenv = { TLS_DEMO_MODE: ' True ', TLS_ENABLED: '0', TLS_DEMO_ALLOW_REMOTE: 'false' }
  expect(settingNotices({ dotenv })).toEqual([
    '.env makes this weaker than the defaults: TLS_DEMO_MODE= True , TLS_ENABLED=0',
  ])
  expect(settingNotices({ dotenv, env: { TLS_DEMO_MODE: 'true' }, flags: { tlsEnabled: 'true' } })).toEqual(
    [],
  )
  expect(settingNotices({ env: { TLS_DEMO_MODE: 'true', TLS_ENABLED: 'false' } })).toEqual([])
})

test('what .env decides about calls and their record gets one line, unless something else has decided it', () => {
  const dotenv = { MCP_POLICY: 'policy.yaml', AUDIT_LOG: 'audit.jsonl', AUDIT_KEY: '', MCP_HOST: '127.0.0.1' }
  expect(settingNotices({ dotenv })).toEqual([
    '.env decides who may call what, or what is recorded: MCP_POLICY=policy.yaml, AUDIT_LOG=audit.jsonl',
  ])
  const key = { AUDIT_LOG: '-', AUDIT_KEY: 'may be the key itself' }
  expect(settingNotices({ dotenv: key })).toEqual([
    '.env decides who may call what, or what is recorded: AUDIT_LOG=-, AUDIT_KEY',
  ])
  expect(settingNotices({ dotenv, env: { AUDIT_LOG: '/a' }, flags: { policy: 'b' } })).toEqual([])
  expect(settingNotices({ dotenv }, ['certDir', 'host'])).toEqual([])
})

test('how calls are recorded is told to have no effect where none is recorded', () => {
  const env = { AUDIT_ON_FAILURE: 'deny', AUDIT_KEY: '', MCP_POLICY: 'policy.yaml' }
  const flags = { auditArguments: true }
  expect(settingNotices({ env, flags })).toEqual([
    'without AUDIT_LOG nothing is recorded, and this has no effect: AUDIT_ON_FAILURE, AUDIT_ARGUMENTS',
  ])
  expect(settingNotices({ env, flags: { ...flags, auditLog: '-' } })).toEqual([])
  expect(settingNotices({ env }, ['certDir', 'host'])).toEqual([])
})

test('a name that begins like those of the record and is none is told: it may have meant to deny', () => {
  expect(settingNotices({ env: { AUDIT_ON_FAILUR: 'deny' } })).toEqual(['no such setting: AUDIT_ON_FAILUR'])
})
