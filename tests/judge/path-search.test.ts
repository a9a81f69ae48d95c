import type { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { buildPath, isSelfSigned } from '../../src/judge/path.js'
import type { CertificateFacts } from '../../src/x509/certificate.js'

// The search alone, over certificates that are only what it looks at: a name, an issuer, a key, who signed.

const day = 86_400_000
const now = new Date()
const [begin, end] = [new Date(now.getTime() - day), new Date(now.getTime() + day)]

interface Options {
  /** Who signed it, itself by default. */
  readonly by?: string
  readonly key?: string
  /** The key that signed, that of the issuer's name by default. */
  readonly signedBy?: string
  readonly id?: string
  readonly notAfter?: Date
  readonly isCa?: boolean
}

let checks: string[] = []

function made(name: string, options: Options = {}): CertificateFacts {
  const {
    by = name,
    key = name,
    signedBy = by,
    id = `${name} by ${by}`,
    notAfter = end,
    isCa = true,
  } = options
  const verify = (other: unknown) => {
    checks.push(`${id} with ${other}`)
    return other === signedBy
  }
  return {
    ...{
      subject: `CN=${name}`,
      issuer: `CN=${by}`,
      selfIssued: by === name,
      isCa,
      notBefore: begin,
      notAfter,
    },
    ...{ keyId: key, fingerprint256: id, subjectKeyId: undefined, authorityKeyId: undefined },
    ...{
      keyUsage: undefined,
      extendedKeyUsage: undefined,
      pathLength: undefined,
      nameConstraints: undefined,
    },
    ...{
      names: { dns: [], ip: [], email: [], uri: [] },
      subjectRdns: [name],
      issuerRdns: [by],
      directoryNames: [],
      ...{ otherEmails: [], commonNames: [], unknownCritical: [], signatureHash: 'sha256' },
    },
    key: { type: 'ec', bits: 256, text: 'EC P-256' },
    x509: { verify, publicKey: key } as unknown as X509Certificate,
  } as unknown as CertificateFacts
}

function searched(
  leaf: CertificateFacts,
  presented: readonly CertificateFacts[],
  trusted: readonly CertificateFacts[],
) {
  checks = []
  const path = buildPath(leaf, presented, trusted, { now })
  return { ...path, ids: path.certificates.map(({ fingerprint256 }) => fingerprint256) }
}

const leaf = made('leaf', { by: 'A', isCa: false })
const ended = { notAfter: begin }

test('an anchored path that has ended is told before one that leads nowhere, the first before later ones', () => {
  const stranger = made('A', { by: 'nobody', id: 'stranger' })
  const [one, two] = [made('A', { ...ended, id: 'one' }), made('A', { ...ended, id: 'two' })]
  expect(searched(leaf, [stranger], [one]).ids).toEqual(['leaf by A', 'one'])
  expect(searched(leaf, [], [one, two]).ids).toEqual(['leaf by A', 'one'])
  expect(searched(leaf, [], [two, one]).ids).toEqual(['leaf by A', 'two'])
  // Where none leads to an anchor, the first one tells what is missing.
  const other = made('A', { by: 'nobody else', id: 'other' })
  expect(searched(leaf, [stranger, other], []).ids).toEqual(['leaf by A', 'stranger'])
  expect(searched(leaf, [], [one, made('A', { id: 'three' })]).ids).toEqual(['leaf by A', 'three'])
})

test('ten certificates and a root are a path, eleven are none', () => {
  const chainOf = (length: number) =>
    Array.from({ length }, (_, at) => made(`C${at}`, { by: at === 0 ? 'Root' : `C${at - 1}` }))
  for (const [between, anchored] of [
    [9, true],
    [10, false],
  ] as const) {
    const chain = chainOf(between)
    const below = made('leaf', { by: `C${between - 1}`, isCa: false })
    expect(searched(below, chain, [made('Root')])).toMatchObject({ anchored })
    expect(searched(below, chain, [made('Root')]).certificates).toHaveLength(11)
  }
})

test('a circle is left where it closes: the same certificate, or the same name with the same key', () => {
  const [a, b] = [made('A', { by: 'B' }), made('B', { by: 'A' })]
  expect(searched(leaf, [a, b], []).ids).toEqual(['leaf by A', 'A by B', 'B by A'])
  const again = made('A', { by: 'B', id: 'A by B again' })
  expect(searched(leaf, [a, b, again], []).ids).toEqual(['leaf by A', 'A by B', 'B by A'])
  // Another key under the same name is another CA, and so is the same key under another name.
  const rekeyed = made('A', { by: 'Root', key: 'A2', id: 'A2' })
  const below = made('B', { by: 'A', signedBy: 'A2' })
  expect(searched(leaf, [a, below, rekeyed], [made('Root')])).toMatchObject({
    anchored: true,
    ids: ['leaf by A', 'A by B', 'B by A', 'A2', 'Root by Root'],
  })
  const renamed = made('Z', { by: 'Root', key: 'A' })
  const under = made('B', { by: 'Z', signedBy: 'A' })
  expect(searched(leaf, [a, under, renamed], [made('Root')])).toMatchObject({ anchored: true })
})

test('each pair is checked once, however many ways lead over it', () => {
  const both = ['one', 'two'].map((id) => made('A', { by: 'X', id }))
  searched(leaf, [...both, made('X', { by: 'Top' }), made('Top', { by: 'nobody' })], [])
  expect(checks.filter((check) => check === 'X by Top with Top')).toHaveLength(1)
  expect(checks).toHaveLength(5)
})

test('a key is asked only under the name that is looked for', () => {
  const other = made('Other', { key: 'A' })
  expect(searched(leaf, [], [other])).toMatchObject({ anchored: false, ids: ['leaf by A'] })
  expect(checks.filter((check) => check.startsWith('leaf'))).toEqual([])
})

test('who names a CA and has another key’s signature is a namesake of it only where no key fits its name', () => {
  const forged = made('leaf', { by: 'A', signedBy: 'thief', isCa: false })
  expect(searched(forged, [], [made('A')])).toMatchObject({ badSignature: forged, anchored: false })
  // The name is known, and its key identifier is of another.
  const claimed = { ...forged, authorityKeyId: 'other' }
  const known = { ...made('A'), subjectKeyId: 'its own' }
  const all = [made('Other'), known]
  expect(searched(claimed, [], all)).toMatchObject({ badSignature: undefined, namesake: claimed })
  expect(searched(claimed, [], [made('Other')]).namesake).toBeUndefined()
})

test('what several ways may cost is bounded by their number too', () => {
  let looks = 0
  const root = Object.defineProperty(made('Root', ended), 'notAfter', {
    get: () => {
      looks++
      return begin
    },
  })
  // Nine certificates of A by nine of B by nine of C by the root: 729 ways that have all ended.
  const copies = (name: string, by: string) =>
    Array.from({ length: 3 }, (_, at) => made(name, { by, key: name, id: `${name}${at}` }))
  const trusted = [
    ...copies('A', 'B'),
    ...copies('B', 'C'),
    ...copies('C', 'D'),
    ...copies('D', 'E'),
    ...copies('E', 'Root'),
  ]
  expect(searched(leaf, [], [...trusted, root])).toMatchObject({ anchored: true })
  expect(looks).toBeLessThan(200)
})

test('what signed itself is looked at once', () => {
  const root = made('Root')
  checks = []
  expect([isSelfSigned(root), isSelfSigned(root)]).toEqual([true, true])
  expect(isSelfSigned(made('Root', { signedBy: 'thief' }))).toBe(false)
  expect(checks).toHaveLength(2)
})
