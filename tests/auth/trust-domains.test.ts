import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  areDomainsBound,
  bindTrustDomains,
  foreignSpiffeId,
  noTrustDomains,
  unboundRoots,
  vouchingDomain,
} from '../../src/auth/trust-domains.js'
import { isTrustDomain, trustDomainOf } from '../../src/text/spiffe.js'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { type ForgeOptions, forge, forgeCa } from '../support/forge.js'
import { refusal } from '../support/refusal.js'
import { holdsOnBothSides } from '../support/sides.js'

const ours = 'example.org'
const theirs = 'partner.example'
const domains = [ours, theirs, 'third.example'] as const

let model: CertificateFacts
beforeAll(async () => {
  model = readCertificate((await forgeCa()).cert)
})

/** A CA of this key that says these URIs; its signature is no matter here. */
const ca = (keyId: string, uri: readonly string[] = [], selfIssued = true): CertificateFacts => ({
  ...model,
  keyId,
  subject: `CN=${keyId}`,
  selfIssued,
  fingerprint256: `${keyId} ${uri}`,
  names: { dns: [], ip: [], email: [], uri },
})
const leafWith = (...uri: string[]): CertificateFacts => ({ ...ca('leaf', uri, false), isCa: false })
const bound = (domain: string, ...certificates: CertificateFacts[]) => ({
  domain,
  path: `${domain}.crt`,
  certificates,
})

/** What the key of a CA is bound to, and what its certificate says of itself. */
interface Binding {
  readonly setting: string | undefined
  readonly own: string | undefined
}

interface Spec {
  readonly id: string
  readonly intermediates: readonly Binding[]
  readonly root: Binding
  /** Another trusted CA is bound. */
  readonly elsewhere: boolean
}

const mostly = (usual: string | undefined) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, ...domains) },
  )
const spec: fc.Arbitrary<Spec> = fc.constantFrom(...domains).chain((id) =>
  fc.record({
    id: fc.constant(id),
    intermediates: fc.array(fc.record({ setting: mostly(undefined), own: mostly(undefined) }), {
      maxLength: 3,
    }),
    root: fc.record({ setting: mostly(id), own: mostly(undefined) }),
    elsewhere: fc.boolean(),
  }),
)

const bindingsOf = ({ intermediates, root }: Spec) => [...intermediates, root]

function worldOf(made: Spec) {
  const byKey = new Map<string, string>(made.elsewhere ? [['another key', theirs]] : [])
  const authorities = bindingsOf(made).map(({ setting, own }, at) => {
    if (setting !== undefined) byKey.set(`key ${at}`, setting)
    return ca(`key ${at}`, own === undefined ? [] : [`spiffe://${own}`])
  })
  const path: [CertificateFacts, ...CertificateFacts[]] = [
    leafWith(`spiffe://${made.id}/agent`),
    ...authorities,
  ]
  return { path, domains: { byKey } }
}

const wanted = { runs: 2000, accepted: 400, refused: 200 }

test('an ID is given by CAs that are bound to its domain or not at all, one of them bound once any is', () => {
  holdsOnBothSides(
    spec,
    (made) => {
      const { path, domains } = worldOf(made)
      const said = bindingsOf(made).flatMap(({ setting, own }) => [setting ?? [], own ?? []].flat())
      const isVouched = bindingsOf(made).some(({ setting }) => setting !== undefined)
      const may = said.every((one) => one === made.id) && (isVouched || !areDomainsBound(domains))
      expect(foreignSpiffeId(path, true, domains) === undefined).toBe(may)
      return may
    },
    wanted,
  )
})

test('who vouches for a leaf with an ID that it may have is the domain of the ID', () => {
  holdsOnBothSides(
    spec,
    (made) => {
      const { path, domains } = worldOf(made)
      const may = foreignSpiffeId(path, true, domains) === undefined
      const vouching = vouchingDomain(path, domains)
      if (may) expect(vouching).toBe(areDomainsBound(domains) ? made.id : undefined)
      else expect(vouching).not.toBe(made.id)
      return may
    },
    wanted,
  )
})

test('to bind one more CA never lets an ID through that was refused', () => {
  fc.assert(
    fc.property(spec, fc.constantFrom(...domains), (made, domain) => {
      const { path, domains } = worldOf(made)
      const more = { byKey: new Map([...domains.byKey, ['one more', domain]]) }
      if (foreignSpiffeId(path, true, domains) !== undefined)
        expect(foreignSpiffeId(path, true, more)).toBeDefined()
    }),
    { numRuns: 1000 },
  )
})

test('names that are no SPIFFE ID are never in question', () => {
  fc.assert(
    fc.property(spec, fc.webUrl(), (made, url) => {
      const { path, domains } = worldOf(made)
      const [, ...authorities] = path
      expect(foreignSpiffeId([leafWith(url), ...authorities], true, domains)).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})

describe('binding', () => {
  test('goes with the key, so that a certificate of it by another CA is bound too', () => {
    const domains = bindTrustDomains([ca('a'), ca('b')], [bound(theirs, ca('b'))])
    const crossed = ca('b', [], false)
    expect(foreignSpiffeId([leafWith(`spiffe://${ours}/x`), crossed, ca('a')], true, domains)).toMatch(
      /alone$/,
    )
  })

  test('comes from the URI of a trusted CA, and not from that of one that a peer shows', () => {
    const domains = bindTrustDomains([ca('a', [`spiffe://${ours}`]), ca('b')])
    expect([...domains.byKey]).toEqual([['a', ours]])
    const shown = ca('c', [`spiffe://${ours}`], false)
    expect(foreignSpiffeId([leafWith(`spiffe://${ours}/x`), shown, ca('b')], true, domains)).toMatch(
      /CN=b may not give: other CAs are bound to example.org$/,
    )
  })

  test.each<[string, () => unknown]>([
    ['two settings', () => bindTrustDomains([ca('a')], [bound(ours, ca('a')), bound(theirs, ca('a'))])],
    [
      'the setting and its own URI',
      () => bindTrustDomains([], [bound(ours, ca('a', [`spiffe://${theirs}`]))]),
    ],
    [
      'the setting and a URI that is none',
      () => bindTrustDomains([], [bound(ours, ca('a', ['spiffe://A']))]),
    ],
    [
      'two certificates',
      () => bindTrustDomains([ca('a', [`spiffe://${ours}`]), ca('a', [`spiffe://${theirs}`])]),
    ],
    [
      'the setting and another certificate of its key',
      () => bindTrustDomains([ca('a', [`spiffe://${theirs}`])], [bound(ours, ca('a'))]),
    ],
  ])('to two domains, by %s, is refused', (_what, bind) => {
    const error = refusal(bind)
    expect(error.code).toBe('CERT_INVALID')
    expect(error.message).toMatch(
      /CN=a is bound to two trust domains, \S+ and (partner\.example|example\.org|what its own URI says, which is no domain)$/,
    )
    expect(error.hint).toContain('one trust domain')
  })

  test('by its own URI does not count where a setting names others for that domain', () => {
    const liar = ca('b', [`spiffe://${ours}`])
    const domains = bindTrustDomains([ca('a'), liar], [bound(ours, ca('a'))])
    expect([...domains.byKey]).toEqual([['a', ours]])
    const path = (id: string): [CertificateFacts, CertificateFacts] => [leafWith(id), liar]
    expect(foreignSpiffeId(path(`spiffe://${ours}/x`), true, domains)).toMatch(
      /CN=b may not give: other CAs are bound to example.org$/,
    )
    expect(foreignSpiffeId(path(`spiffe://${theirs}/x`), true, domains)).toMatch(/alone$/)
    expect(vouchingDomain(path('urn:a:b'), domains)).toBeUndefined()
  })

  test('twice to the same domain is no problem', () => {
    const one = ca('a', [`spiffe://${ours}`])
    expect([...bindTrustDomains([one], [bound(ours, one), bound(ours, ca('a'))]).byKey]).toEqual([
      ['a', ours],
    ])
  })
})

test('a URI that only looks like a SPIFFE ID is a claim too', () => {
  const domains = bindTrustDomains([], [bound(ours, ca('a'))])
  for (const id of ['SPIFFE://example.org/x', 'spiffe://EXAMPLE.org/x', 'spiffe:x', 'spiffe://'])
    expect(foreignSpiffeId([leafWith(id), ca('a')], true, domains)).toMatch(/may not give/)
  const two = leafWith(`spiffe://${ours}/x`, `spiffe://${theirs}/x`)
  expect(foreignSpiffeId([two, ca('a')], true, domains)).toMatch(/spiffe:\/\/partner.example\/x/)
})

test('of a CA whose own URI is no SPIFFE ID, or that has two, none is believed; other URIs say nothing', () => {
  const id = leafWith(`spiffe://${ours}/x`)
  for (const uri of [['spiffe://A'], [`spiffe://${ours}`, `spiffe://${theirs}`]]) {
    expect(bindTrustDomains([ca('a', uri)]).byKey.size).toBe(0)
    expect(foreignSpiffeId([id, ca('a', uri)], true, noTrustDomains)).toMatch(
      /its own SPIFFE ID is not valid$/,
    )
  }
  const other = ca('a', ['urn:spiffe:x', `spiffe://${ours}`])
  expect([...bindTrustDomains([other]).byKey]).toEqual([['a', ours]])
  expect(foreignSpiffeId([id, other], true, bindTrustDomains([other]))).toBeUndefined()
})

test('the key of a leaf vouches for nobody', () => {
  expect(vouchingDomain([leafWith(), ca('a')], { byKey: new Map([['leaf', ours]]) })).toBeUndefined()
})

test('a leaf without a CA above it is judged by nobody', () => {
  expect(
    foreignSpiffeId([leafWith(`spiffe://${ours}/x`)], true, { byKey: new Map([['b', theirs]]) }),
  ).toBeUndefined()
})

test('several roots are told of where none is bound; a renewed root of one key is one', () => {
  expect(unboundRoots([ca('a')], noTrustDomains)).toBeUndefined()
  expect(unboundRoots([ca('a'), ca('a', ['urn:b:c'])], noTrustDomains)).toBeUndefined()
  expect(unboundRoots([ca('a'), ca('b', [], false)], noTrustDomains)).toBeUndefined()
  expect(unboundRoots([ca('a'), ca('b')], noTrustDomains)).toEqual(['CN=a', 'CN=b'])
  expect(unboundRoots([ca('a'), ca('b')], bindTrustDomains([ca('a', [`spiffe://${ours}`])]))).toBeUndefined()
})

test.each<[string, string | undefined]>([
  ['spiffe://example.org', 'example.org'],
  ['spiffe://example.org/a/b', 'example.org'],
  ['spiffe://a_b.c-d/x', 'a_b.c-d'],
  ['spiffe://example.org/', undefined],
  ['spiffe://Example.org/a', undefined],
  ['spiffe://example.org:8443/a', undefined],
  ['spiffe://user@example.org/a', undefined],
  ['spiffe://example.org/a?b', undefined],
  ['spiffe://example.org/a\n', undefined],
  ['spiffe://example.org/../a', undefined],
  [`spiffe://${'a'.repeat(256)}/a`, undefined],
  ['https://example.org/a', undefined],
  ['xspiffe://example.org/a', undefined],
  [`spiffe://a/${'b'.repeat(2037)}`, 'a'],
  [`spiffe://a/${'b'.repeat(2038)}`, undefined],
])('the trust domain of %j is %s', (id, domain) => {
  expect(trustDomainOf(id)).toBe(domain)
})

test.each([
  ['example.org', true],
  ['a1_b-c.d', true],
  ['Example.org', false],
  ['a b', false],
  ['a/b', false],
  ['', false],
  ['a'.repeat(255), true],
  ['a'.repeat(256), false],
])('%j is the name of a trust domain: %s', (text, isOne) => {
  expect(isTrustDomain(text)).toBe(isOne)
})

test('a real leaf is read the same', async () => {
  const root = await forgeCa({ uri: [`spiffe://${ours}`] })
  const options: ForgeOptions = { issuer: root, uri: [`spiffe://${theirs}/x`] }
  const [leaf, above] = [await forge(options), root].map(({ cert }) => readCertificate(cert))
  if (!leaf || !above) throw new Error('no certificates')
  expect(foreignSpiffeId([leaf, above], true, bindTrustDomains([above]))).toBe(
    'has the SPIFFE ID spiffe://partner.example/x, which CN=Forged CA may not give: it speaks for example.org alone',
  )
})
