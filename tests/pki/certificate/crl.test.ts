import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CrlSet } from '../../../src/judge/crl-set.js'
import {
  check,
  createAuthority,
  createCrl,
  type Issued,
  issue,
  openAuthority,
  revocationReasons,
} from '../../../src/pki/index.js'
import { type CrlFacts, readCrls } from '../../../src/x509/crl.js'
import { forgeCa } from '../../support/forge.js'
import { scratch } from '../../support/scratch.js'

const keyTypes = ['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const
const now = new Date()
const revocation = (reason: (typeof revocationReasons)[number]) => ({ at: now, reason })

/** What openssl says of a certificate under a CA and its list. */
function opensslVerdict(ca: Issued, list: CrlFacts, leaf: Issued): 'good' | 'revoked' | string {
  const directory = scratch()
  const files = { ca: ca.certificate, crl: list.pem, leaf: leaf.certificate }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const verify = ['verify', '-x509_strict', '-crl_check', '-CAfile', 'ca', '-CRLfile', 'crl', 'leaf']
  try {
    execFileSync('openssl', verify, { cwd: directory, stdio: 'pipe' })
    return 'good'
  } catch (error) {
    const { stderr } = error as { stderr: Buffer }
    return stderr.includes('certificate revoked') ? 'revoked' : stderr.toString()
  }
}

test.each(keyTypes)(
  'openssl and we read a list signed with %s alike, for leaves with every key',
  async (keyType) => {
    const ca = await createAuthority({ keyType })
    for (const leafType of keyTypes) {
      const [good, bad] = await Promise.all(
        ['good', 'bad'].map((commonName) => issue(ca, { type: 'client', commonName, keyType: leafType })),
      )
      if (!good || !bad) throw new TypeError('two were asked for')
      const list = createCrl(ca, new Map([[bad.facts.serial, revocation('keyCompromise')]]))
      expect(list.isSignedBy(ca.facts)).toBe(true)
      for (const [leaf, verdict] of [
        [good, 'good'],
        [bad, 'revoked'],
      ] as const) {
        expect(opensslVerdict(ca, list, leaf)).toBe(verdict)
        expect(new CrlSet([list]).status(leaf.facts, ca.facts, now)).toBe(verdict)
        const problems = check(leaf.facts, { type: 'client', trusted: [ca.facts], crls: [list] })
        expect(problems.map(({ code }) => code)).toEqual(verdict === 'good' ? [] : ['CERT_REVOKED'])
      }
    }
  },
  60_000,
)

test('an empty list revokes nobody, for openssl too', async () => {
  const ca = await createAuthority()
  const leaf = await issue(ca, { type: 'server', commonName: 'localhost' })
  const list = createCrl(ca, new Map())
  expect(list.revoked.size).toBe(0)
  expect(opensslVerdict(ca, list, leaf)).toBe('good')
})

test.each(revocationReasons)('the reason %s comes back, openssl reads it too', async (reason) => {
  const ca = await createAuthority()
  const list = createCrl(ca, new Map([['7b', revocation(reason)]]))
  expect(list.revoked.get('7b')?.reason).toBe(reason === 'unspecified' ? undefined : reason)
  const text = execFileSync('openssl', ['crl', '-noout', '-text'], { input: list.pem, encoding: 'utf8' })
  expect(text).toContain('Serial Number: 7B')
  const spoken = reason.replace(/([A-Z]A?)/g, ' $1').toLowerCase()
  if (reason === 'unspecified') expect(text).not.toContain('Reason Code')
  else expect(text.toLowerCase().replaceAll(' ', '')).toContain(spoken.replaceAll(' ', ''))
})

test('a list has the label of OpenSSL, the key identifier of its CA, and thirty days', async () => {
  const ca = await createAuthority()
  const list = createCrl(ca, new Map(), { now })
  expect(list.pem).toMatch(/^-----BEGIN X509 CRL-----\n/)
  expect(list.issuer).toBe(ca.facts.subject)
  const days = (list.nextUpdate.getTime() - now.getTime()) / 86_400_000
  expect(days).toBeCloseTo(30, 4)
  const args = ['crl', '-noout', '-text', '-nameopt', 'RFC2253']
  const text = execFileSync('openssl', args, { input: list.pem, encoding: 'utf8' })
  expect(text.replaceAll(':', '').toLowerCase()).toContain(ca.facts.subjectKeyId)
  expect(readCrls(list.pem, 'list')[0]?.number).toBe(list.number)
})

test('every list of a CA has a higher number than those before, also when the one before was lost', async () => {
  const ca = await createAuthority()
  const first = createCrl(ca, new Map(), { now })
  const second = createCrl(ca, new Map(), { now, previous: first })
  expect(second.number).toBe((first.number ?? 0n) + 1n)
  const later = createCrl(ca, new Map(), { now: new Date(now.getTime() + 60_000) })
  expect(later.number).toBeGreaterThan(second.number ?? 0n)
  const ahead = { ...first, number: 2n ** 100n }
  expect(createCrl(ca, new Map(), { now, previous: ahead }).number).toBe(2n ** 100n + 1n)
})

test('a list of thousands is written and read whole, and the next one keeps them', async () => {
  const ca = await createAuthority()
  const serials = Array.from({ length: 5000 }, (_, index) => (0x70000 + index).toString(16))
  const many = new Map(serials.map((serial) => [serial, revocation('keyCompromise')]))
  const first = createCrl(ca, many)
  const { revoked } = createCrl(ca, new Map([['bb', revocation('superseded')]]), { previous: first })
  expect([...revoked.keys()]).toEqual([...serials, 'bb'])
  expect(revoked.get(serials[4321] ?? '')?.reason).toBe('keyCompromise')
  const args = ['crl', '-noout', '-text']
  const text = execFileSync('openssl', args, { input: first.pem, encoding: 'utf8', maxBuffer: 2 ** 24 })
  expect(text.match(/Serial Number: /g)).toHaveLength(5000)
  expect(text.match(/Key Compromise/g)).toHaveLength(5000)
})

test('dates after 2049 are written as openssl reads them', async () => {
  const ca = await createAuthority()
  const list = createCrl(ca, new Map(), { validityDays: 9000 })
  const args = ['crl', '-noout', '-nextupdate']
  const text = execFileSync('openssl', args, { input: list.pem, encoding: 'utf8' })
  expect(new Date(text.split('=')[1] ?? '')).toEqual(list.nextUpdate)
  expect(list.nextUpdate.getUTCFullYear()).toBeGreaterThan(2049)
})

test('what a list before revoked stays revoked', async () => {
  const ca = await createAuthority()
  const first = createCrl(ca, new Map([['aa', revocation('superseded')]]))
  const second = createCrl(ca, new Map([['bb', revocation('unspecified')]]), { previous: first })
  expect([...second.revoked.keys()]).toEqual(['aa', 'bb'])
  expect(second.revoked.get('aa')).toEqual(first.revoked.get('aa'))
})

test('a CA whose key usage does not say cRLSign is refused', async () => {
  const ca = await forgeCa({ keyUsage: ['keyCertSign'] })
  const authority = openAuthority({ text: ca.cert, path: 'ca.crt' }, { text: ca.key, path: 'ca.key' })
  expect(() => createCrl(authority, new Map())).toThrow(/may not sign revocation lists/)
})

test('a list holds as many entries as there are', async () => {
  const ca = await createAuthority()
  const serials = Array.from({ length: 150_000 }, (_, index) => (0x10_0000 + index).toString(16))
  const list = createCrl(ca, new Map(serials.map((serial) => [serial, revocation('keyCompromise')])))
  expect(list.revoked.size).toBe(150_000)
})
