import { beforeAll, describe, expect, test } from 'vitest'
import { bindTrustDomains } from '../../src/auth/trust-domains.js'
import { findings } from '../../src/judge/findings.js'
import { buildPath, pathFault } from '../../src/judge/path.js'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { type Forged, type ForgeOptions, forge, forgeCa } from '../support/forge.js'

const ours = 'example.org'
const theirs = 'partner.example'
const read = ({ cert }: Forged): CertificateFacts => readCertificate(cert)

let [ca, partner, unbound]: Forged[] = []
let byUs: Forged
let byThem: Forged
let byUnbound: Forged
beforeAll(async () => {
  ;[ca, partner, unbound] = await Promise.all(
    ['Ours', 'Partner', 'Unbound'].map((commonName) => forgeCa({ commonName })),
  )
  byUs = await forgeCa({ issuer: of(ca) })
  byThem = await forgeCa({ issuer: of(partner), keyOf: byUs })
  byUnbound = await forgeCa({ issuer: of(unbound), keyOf: byUs })
})

function of(forged: Forged | undefined): Forged {
  if (!forged) throw new Error('not made yet')
  return forged
}

const roots = () => [ca, partner, unbound].map((one) => read(of(one)))
const domains = () =>
  bindTrustDomains(roots(), [
    { domain: ours, path: 'ca.crt', certificates: [read(of(ca))] },
    { domain: theirs, path: 'partner.crt', certificates: [read(of(partner))] },
  ])

async function pathOf(names: ForgeOptions, presented: readonly Forged[], anchors = roots()) {
  const leaf = read(await forge({ issuer: byUs, ...names }))
  return buildPath(leaf, presented.map(read), anchors, { now: new Date(), domains: domains() })
}

const rootOf = ({ certificates }: { certificates: readonly CertificateFacts[] }) =>
  certificates.at(-1)?.commonName

describe('of several paths', () => {
  test.each([
    [ours, 'Ours'],
    [theirs, 'Partner'],
  ])('a SPIFFE ID of %s takes that of its CA, in whatever order they come', async (domain, root) => {
    for (const presented of [
      [byUs, byThem, byUnbound],
      [byUnbound, byThem, byUs],
    ]) {
      const path = await pathOf({ uri: [`spiffe://${domain}/x`] }, presented)
      expect(rootOf(path)).toBe(root)
      expect(path).toMatchObject({ anchored: true, trustDomain: domain, isDetour: true })
    }
  })

  test('another name takes one that somebody vouches for, in whatever order they come', async () => {
    for (const presented of [
      [byUnbound, byThem],
      [byThem, byUnbound],
    ])
      expect(await pathOf({ dns: ['a.example'] }, presented)).toMatchObject({ trustDomain: theirs })
  })

  test('where two domains vouch for another name, neither does', async () => {
    const path = await pathOf({ dns: ['a.example'] }, [byUs, byThem])
    expect(path.anchored).toBe(true)
    expect(path.trustDomain).toBeUndefined()
  })

  test('where none vouches, one that is valid is taken all the same', async () => {
    const path = await pathOf({ dns: ['a.example'] }, [byUnbound])
    expect(rootOf(path)).toBe('Unbound')
    expect(path.trustDomain).toBeUndefined()
  })

  test('one that has expired vouches for nothing', async () => {
    const yesterday = new Date(Date.now() - 86_400_000)
    const expired = await forgeCa({
      issuer: of(partner),
      keyOf: byUs,
      notBefore: new Date(yesterday.getTime() - 86_400_000),
      notAfter: yesterday,
    })
    expect(await pathOf({ dns: ['a.example'] }, [expired, byUs])).toMatchObject({ trustDomain: ours })
    expect(rootOf(await pathOf({ uri: [`spiffe://${theirs}/x`] }, [expired, byUs]))).toBe('Partner')
  })
})

test('a path over which the ID may not be given is told of with its reason', async () => {
  const path = await pathOf({ uri: [`spiffe://${theirs}/x`] }, [byUs])
  const rules = { now: new Date(), purpose: 'clientAuth', domains: domains() } as const
  const fault = { kind: 'trust-domain', words: expect.stringContaining('it speaks for example.org alone') }
  expect([...findings(path, rules)]).toEqual([expect.objectContaining(fault)])
  expect(pathFault(path, rules)).toMatchObject(fault)
})

test('without any binding there is nothing to tell, and nobody to vouch', async () => {
  const leaf = read(await forge({ issuer: byUs, uri: [`spiffe://${theirs}/x`] }))
  const path = buildPath(leaf, [read(byUs)], roots(), { now: new Date() })
  expect([...findings(path, { now: new Date(), purpose: 'clientAuth' })]).toEqual([])
  expect(path.trustDomain).toBeUndefined()
})

test('the finding stands where no root is known, too, when a CA on the way says another domain', async () => {
  const unknown = await forgeCa({ commonName: 'Unknown', uri: [`spiffe://${theirs}`] })
  const leaf = read(await forge({ issuer: unknown, uri: [`spiffe://${ours}/x`] }))
  const path = buildPath(leaf, [read(unknown)], roots(), { domains: domains() })
  const kinds = [...findings(path, { now: new Date(), purpose: 'clientAuth', domains: domains() })].map(
    ({ kind, relaxed }) => [kind, relaxed],
  )
  expect(kinds).toEqual([
    ['issuer', 'issuer-unknown'],
    ['trust-domain', undefined],
  ])
})
