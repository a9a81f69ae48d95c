import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildPath, pathFault } from '../../src/judge/path.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { type Forged, type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { scratch } from '../support/scratch.js'

type Constraints = NonNullable<ForgeOptions['nameConstraints']>

/** Whether our path holds, and whether openssl's does. */
async function judged(
  constraints: Constraints,
  leaf: ForgeOptions,
): Promise<{ we: boolean; openssl: boolean }> {
  const root = await forgeCa({ commonName: 'Root' })
  const authority = await forgeCa({ issuer: root, commonName: 'Constrained', nameConstraints: constraints })
  const shown = await forge({ issuer: authority, usage: 'client', commonName: 'leaf', ...leaf })
  const path = buildPath(
    readCertificate(shown.cert),
    [readCertificate(authority.cert)],
    [readCertificate(root.cert)],
  )
  expect(path.anchored).toBe(true)
  return { we: pathFault(path, {}) === undefined, openssl: openssl(root, authority, shown) }
}

function openssl(root: Forged, authority: Forged, leaf: Forged): boolean {
  const directory = scratch()
  for (const [name, { cert }] of Object.entries({ root, authority, leaf }))
    writeFileSync(join(directory, name), cert)
  try {
    const args = ['verify', '-CAfile', 'root', '-untrusted', 'authority', 'leaf']
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

const dns = (...names: string[]) => names.map((name) => ({ dns: name }))

describe('names that a CA may give, and may not: like openssl', () => {
  test.each<[Constraints, ForgeOptions, boolean]>([
    [{ permitted: dns('example.com') }, { dns: ['example.com'] }, true],
    [{ permitted: dns('example.com') }, { dns: ['a.b.example.com'] }, true],
    [{ permitted: dns('example.com') }, { dns: ['A.EXAMPLE.com'] }, true],
    [{ permitted: dns('example.com') }, { dns: ['badexample.com'] }, false],
    [{ permitted: dns('example.com') }, { dns: ['example.com.evil.org'] }, false],
    [{ permitted: dns('example.com') }, { dns: ['a.example.com', 'elsewhere.org'] }, false],
    [{ permitted: dns('example.com') }, { dns: [], commonName: 'elsewhere.org' }, false],
    [{ permitted: dns('example.com') }, { dns: [], commonName: 'agent' }, true],
    [{ permitted: dns('a.org', 'b.org') }, { dns: ['x.b.org'] }, true],
    [{ permitted: dns('') }, { dns: ['anything.org'] }, true],
    [{ excluded: dns('localhost') }, { dns: ['localhost'] }, false],
    [{ excluded: dns('localhost') }, { dns: ['other'] }, true],
    [{ excluded: dns('') }, { dns: ['anything.org'] }, false],
    [{ excluded: dns('example.com') }, { dns: ['a.example.com'] }, false],
    [
      { permitted: dns('example.com'), excluded: dns('bad.example.com') },
      { dns: ['x.bad.example.com'] },
      false,
    ],
    [{ permitted: dns('example.com') }, { dns: [], email: ['a@elsewhere.org'] }, true],
    [{ permitted: [{ email: 'example.com' }] }, { email: ['a@example.com'] }, true],
    [{ permitted: [{ email: 'example.com' }] }, { email: ['a@sub.example.com'] }, false],
    [{ permitted: [{ email: '.example.com' }] }, { email: ['a@sub.example.com'] }, true],
    [{ permitted: [{ email: 'A@example.com' }] }, { email: ['a@example.com'] }, false],
    [{ excluded: [{ email: 'a@example.com' }] }, { email: ['a@example.com'] }, false],
    [{ excluded: [{ email: 'a@example.com' }] }, { email: ['b@example.com'] }, true],
    [{ permitted: [{ uri: 'prod.example' }] }, { uri: ['spiffe://prod.example/agent'] }, true],
    [{ permitted: [{ uri: 'prod.example' }] }, { uri: ['spiffe://test.example/agent'] }, false],
    [{ permitted: [{ uri: '.example' }] }, { uri: ['https://a.example:8443/x'] }, true],
    [{ excluded: [{ uri: 'prod.example' }] }, { uri: ['spiffe://prod.example/agent'] }, false],
    [{ permitted: [{ ip: '10.0.0.0/8' }] }, { ip: ['10.1.2.3'] }, true],
    [{ permitted: [{ ip: '10.0.0.0/8' }] }, { ip: ['11.1.2.3'] }, false],
    [{ permitted: [{ ip: '10.0.0.0/8' }] }, { ip: ['::1'] }, false],
    [{ excluded: [{ ip: '0.0.0.0/0' }] }, { ip: ['10.1.2.3'] }, false],
    [{ permitted: [{ ip: 'fd00::/8' }] }, { ip: ['fd12::1'] }, true],
    [{ permitted: [{ ip: 'fd00::/8' }] }, { ip: ['fe80::1'] }, false],
    [{ permitted: [{ ip: 'fd00::/8' }] }, { ip: ['10.0.0.1'] }, false],
    [{ excluded: [{ ip: 'fd00::/8' }] }, { ip: ['fd12::1'] }, false],
    [{ excluded: [{ ip: 'fd00::/8' }] }, { ip: ['10.0.0.1'] }, true],
    [{ permitted: dns('.example.com') }, { dns: ['a.example.com'] }, true],
    [{ permitted: dns('.example.com') }, { dns: ['example.com'] }, false],
    [{ permitted: dns('example.com') }, { dns: ['a.example.com'], commonName: 'elsewhere.org' }, true],
    [{ permitted: [{ uri: 'a.example' }] }, { uri: ['https://10.0.0.1/x'] }, false],
    [{ permitted: [{ uri: 'a.example' }] }, { uri: ['urn:x:y'] }, false],
    [{ permitted: [{ uri: 'a.example' }] }, { uri: ['https://evil.com\\@a.example/x'] }, false],
    [{ permitted: [{ uri: 'a.example' }] }, { uri: ['https://evil.com@b@a.example/x'] }, false],
    [{ permitted: [{ uri: 'a.example' }] }, { uri: ['https://user:pw@a.example:8443/x'] }, false],
    [{ permitted: [{ email: 'example.com' }] }, { email: ['no address'] }, false],
    [
      { permitted: [{ directory: { organization: 'Good', commonName: 'x' } }] },
      { organization: 'Good', commonName: 'x' },
      true,
    ],
    [
      { permitted: [{ directory: { organization: 'Good', commonName: 'x' } }] },
      { organization: 'Good', commonName: 'y' },
      false,
    ],
    [{ permitted: [{ directory: { organization: 'Good' } }] }, { organization: 'Good' }, true],
    [{ permitted: [{ directory: { organization: 'Good' } }] }, { organization: 'good' }, true],
    [{ permitted: [{ directory: { organization: 'Good' } }] }, { organization: 'Bad' }, false],
    [{ permitted: [{ directory: { organization: 'Good' } }] }, { commonName: 'x,O=Good' }, false],
    [{ excluded: [{ directory: { organization: 'Bad' } }] }, { organization: 'Bad' }, false],
  ])('%j: %j → %j', async (constraints, leaf, holds) => {
    expect(await judged(constraints, leaf)).toEqual({ we: holds, openssl: holds })
  })
})

// openssl compares these as text: a name that means the same as a forbidden one passes there.
describe('where we are stricter than openssl 3.0, on purpose', () => {
  test.each<[Constraints, ForgeOptions]>([
    [{ excluded: dns('localhost') }, { dns: ['localhost.'] }],
    [{ excluded: dns('bar.example.com') }, { dns: ['*.example.com'] }],
    [{ excluded: [{ uri: 'prod.example' }] }, { uri: ['spiffe://user@prod.example./agent'] }],
    [{ permitted: [{ registeredId: '1.2.3' }] }, {}],
    [{ permitted: dns('example.com'), excluded: [{ registeredId: '1.2.3' }] }, {}],
    [{ excluded: [{ uri: 'a.example' }] }, { uri: ['https://10.0.0.1/x'] }],
    [{ excluded: [{ uri: 'a.example' }] }, { uri: ['urn:x:y'] }],
  ])('%j refuses %j', async (constraints, leaf) => {
    expect((await judged(constraints, leaf)).we).toBe(false)
  })

  test('a wildcard is inside only what covers all of it', async () => {
    expect((await judged({ excluded: dns('.example.com') }, { dns: ['*.example.com'] })).we).toBe(false)
    expect((await judged({ permitted: dns('.example.com') }, { dns: ['*.example.com'] })).we).toBe(true)
    expect((await judged({ permitted: dns('bar.example.com') }, { dns: ['*.example.com'] })).we).toBe(false)
    expect((await judged({ permitted: dns('example.com') }, { dns: ['*.example.com'] })).we).toBe(true)
  })
})

test('a CA may be called like a host, a leaf may be its own issuer, and only the CAs above it constrain it', async () => {
  const root = await forgeCa({ commonName: 'Root', nameConstraints: { permitted: dns('example.com') } })
  const named = await forgeCa({ issuer: root, commonName: 'ca.elsewhere.org' })
  const below = readCertificate((await forge({ issuer: named, dns: ['a.example.com'] })).cert)
  const path = buildPath(below, [readCertificate(named.cert)], [readCertificate(root.cert)])
  expect(path.certificates).toHaveLength(3)
  expect(pathFault(path, {})).toBeUndefined()
  const itself = {
    ...readCertificate((await forge({ issuer: root, dns: ['elsewhere.org'] })).cert),
    selfIssued: true,
  }
  expect(pathFault({ certificates: [itself, readCertificate(root.cert)] }, {})?.kind).toBe('constraint')
  expect(pathFault({ certificates: [readCertificate(root.cert)] }, {})).toBeUndefined()
  const own = { ...below, nameConstraints: { permitted: [], excluded: [{ kind: 'dns' as const, text: '' }] } }
  expect(pathFault({ certificates: [own, readCertificate(root.cert)] }, {})).toBeUndefined()
})

test('what a constraint forbids is told with the name and the CA', async () => {
  const root = await forgeCa({ commonName: 'Root', nameConstraints: { excluded: dns('localhost') } })
  const leaf = readCertificate((await forge({ issuer: root, usage: 'server' })).cert)
  const path = buildPath(leaf, [], [readCertificate(root.cert)])
  expect(pathFault(path, {})?.words).toBe('has the name localhost, which CN=Root must not give')
})

test('constraints count for the CAs below too, but not for one that only changes its key', async () => {
  const nameConstraints = { permitted: [{ directory: { organization: 'Good' } }] }
  const root = await forgeCa({ commonName: 'Root', nameConstraints })
  const other = await forgeCa({ issuer: root, commonName: 'Other' })
  const below = readCertificate((await forge({ issuer: other, organization: 'Good' })).cert)
  const path = buildPath(below, [readCertificate(other.cert)], [readCertificate(root.cert)])
  expect(pathFault(path, {})).toMatchObject({ kind: 'constraint', certificate: { commonName: 'Other' } })
  const again = await forgeCa({ issuer: root, commonName: 'Root' })
  const leaf = readCertificate((await forge({ issuer: again, organization: 'Good' })).cert)
  const over = buildPath(leaf, [readCertificate(again.cert)], [readCertificate(root.cert)])
  expect(over.certificates).toHaveLength(3)
  expect(pathFault(over, {})).toBeUndefined()
})
