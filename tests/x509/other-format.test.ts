import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { otherFormat } from '../../src/x509/other-format.js'
import { readCertificates } from '../../src/x509/pem.js'
import { readPrivateKey } from '../../src/x509/private-key.js'
import { type Forged, forge } from '../support/forge.js'
import { refusal } from '../support/refusal.js'
import { scratch } from '../support/scratch.js'

let leaf: Forged
beforeAll(async () => {
  leaf = await forge({ commonName: 'put wrong' })
})

/** The bytes that openssl makes of the certificate and its key. */
function openssl(...args: string[]): Buffer {
  const cwd = scratch()
  writeFileSync(join(cwd, 'crt'), leaf.cert)
  writeFileSync(join(cwd, 'key'), leaf.key)
  return execFileSync('openssl', args, { cwd, stdio: 'pipe' })
}

// The command of each hint is typed, and what it makes is read.
test.each<[what: string, made: () => Buffer | string]>([
  ['a PKCS #7 bundle', () => openssl('crl2pkcs7', '-nocrl', '-certfile', 'crt')],
  ['a PKCS #7 bundle in DER', () => openssl('crl2pkcs7', '-nocrl', '-certfile', 'crt', '-outform', 'DER')],
  ['PEM with \\n written out instead of line ends', () => leaf.cert.replaceAll('\n', '\\n')],
  ['PEM with spaces before its lines', () => leaf.cert.replace(/^/gm, '    ')],
  ['PEM with the line ends of old Macs', () => leaf.cert.replaceAll('\n', '\r')],
  ['PEM on one line', () => leaf.cert.replaceAll('\n', '')],
  [
    'a PKCS #12 store',
    () => openssl('pkcs12', '-export', '-in', 'crt', '-inkey', 'key', '-passout', 'pass:'),
  ],
])('%s is named, and its command makes PEM of it', (what, made) => {
  const cwd = scratch()
  writeFileSync(join(cwd, 'FILE'), made())
  const text = readFileSync(join(cwd, 'FILE'), 'latin1')
  const error = refusal(() => readCertificates(text, 'a.crt'))
  expect(error).toMatchObject({ code: 'CERT_INVALID', message: `a.crt: it is ${what}` })
  const command = /`(.*)`/.exec(error.hint ?? '')?.[1]?.replace('-nodes', '-nodes -passin pass:') ?? ''
  execFileSync('sh', ['-c', command], { cwd, stdio: 'pipe' })
  const [found] = readCertificates(readFileSync(join(cwd, 'NEW'), 'latin1'), 'NEW')
  expect(found?.serial).toBe(leaf.serial)
})

test('one certificate in DER is read, and named where something else belongs', () => {
  const text = leaf.der.toString('latin1')
  expect(readCertificates(text, 'a.crt')).toMatchObject([{ serial: leaf.serial }])
  expect(refusal(() => readPrivateKey(text, 'a.key')).message).toBe('a.key: it is a certificate in DER')
})

test('keys, requests and UTF-16 are named too', () => {
  const wide = Buffer.from(`\ufeff${leaf.cert}`, 'utf16le').toString('latin1')
  expect(otherFormat(wide)).toMatchObject({ what: 'text in UTF-16', hint: expect.stringContaining('iconv') })
  for (const quote of ['"', "'"])
    expect(otherFormat(`${quote}${leaf.key}${quote}`)?.what).toBe('PEM in quotes')
  expect(otherFormat(openssl('pkey', '-in', 'key', '-outform', 'DER').toString('latin1'))?.what).toBe(
    'a private key in DER',
  )
  expect(otherFormat('-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA')?.what).toBe(
    'a key in the format of OpenSSH',
  )
  const request = openssl('req', '-new', '-key', 'key', '-subj', '/CN=x').toString()
  expect(refusal(() => readCertificates(request, 'a.crt')).message).toContain('a certificate request (CSR)')
})

test.each(['', 'hello', leafless('CERTIFICATE'), '0', '\x30\x82', '\x30\x03\x02\x01'])(
  'nothing is made up of %j',
  (text) => {
    expect(otherFormat(text)).toBeUndefined()
  },
)

function leafless(label: string): string {
  return `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`
}
