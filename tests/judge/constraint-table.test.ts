import { describe, expect, test } from 'vitest'
import { constraintFault } from '../../src/judge/constraints.js'
import type { CertificateFacts } from '../../src/x509/certificate.js'
import type { Subtree } from '../../src/x509/name-constraints.js'

// Each name against each part of names, without a certificate around it (RFC 5280 section 4.2.1.10).

const nobody = {
  ...{ subject: 'CN=leaf', commonNames: [], isCa: false, selfIssued: false },
  ...{
    names: { dns: [], ip: [], email: [], uri: [] },
    subjectRdns: [],
    directoryNames: [],
    otherEmails: [],
  },
  nameConstraints: undefined,
} as unknown as CertificateFacts

type Name = Partial<CertificateFacts['names']> &
  Partial<Pick<CertificateFacts, 'commonNames' | 'isCa' | 'subjectRdns' | 'otherEmails' | 'directoryNames'>>

function leafWith({ dns = [], ip = [], email = [], uri = [], ...rest }: Name): CertificateFacts {
  return { ...nobody, ...rest, names: { dns, ip, email, uri } }
}

function caWith(nameConstraints: CertificateFacts['nameConstraints']): CertificateFacts {
  return { ...nobody, subject: 'CN=ca', isCa: true, nameConstraints }
}

/** Where the name may be given when this is permitted, and where it must not when this is excluded. */
function judged(subtree: Subtree, name: Name): { inside: boolean; touched: boolean } {
  const leaf = leafWith(name)
  const fault = (permitted: Subtree[], excluded: Subtree[]) =>
    constraintFault([leaf, caWith({ permitted, excluded })])?.words
  const [permitted, excluded] = [fault([subtree], []), fault([], [subtree])]
  if (permitted) expect(permitted).toMatch(/^has the name .*, which CN=ca may not give$/)
  if (excluded) expect(excluded).toMatch(/^has the name .*, which CN=ca must not give$/)
  return { inside: permitted === undefined, touched: excluded !== undefined }
}

const [inside, outside, perhaps] = [
  { inside: true, touched: true },
  { inside: false, touched: false },
  /** Neither may it be given where this is permitted, nor where it is excluded. */
  { inside: false, touched: true },
]

describe('a host name', () => {
  test.each([
    ['example.com', 'example.com', inside],
    ['example.com', 'a.example.com', inside],
    ['example.com', 'A.EXAMPLE.com.', inside],
    ['example.com', 'notexample.com', outside],
    ['example.com', 'example.org', outside],
    ['example.com', 'com', outside],
    ['.example.com', 'example.com', outside],
    ['.example.com', 'a.example.com', inside],
    ['', 'anything.at.all', inside],
    ['.', 'anything.at.all', inside],
    ['com', '*.com', inside],
    ['example.com', '*.example.com', inside],
    ['.example.com', '*.example.com', inside],
    ['a.example.com', '*.example.com', perhaps],
    ['.a.example.com', '*.example.com', perhaps],
    ['a.example.com', 'f*.example.com', perhaps],
    ['a.b.example.com', '*.example.com', outside],
    ['a.example.com', 'b.example.com', outside],
    ['example.org', '*.com', outside],
    ['x.org', '*.example.com', outside],
    ['example.com', 'a.example.com\0', perhaps],
    ['example.com', 'a.exam\u200bple.com ', perhaps],
  ])('below %j: %j', (text, name, expected) => {
    expect(judged({ kind: 'dns', text }, { dns: [name] })).toEqual(expected)
  })

  test.each([
    ['agent.example.com', perhaps],
    ['*.agent.example', perhaps],
    ['under_score.example.', perhaps],
    ['a.b.c.d', perhaps],
    ['agent', undefined],
    ['an agent.example', undefined],
    ['agent.example!', undefined],
    ['!.example.x', undefined],
    ['a.exa!mple.x', undefined],
    ['.example', undefined],
    ['', undefined],
    ['agent.example.com\0', perhaps],
    ['agent.exa\u200bmple', perhaps],
  ])('in the common name alone: %j', (commonName, expected) => {
    const excluding = { kind: 'dns', text: '' } as const
    const permitting = { kind: 'dns', text: 'elsewhere.example' } as const
    const asName = judged(permitting, { commonNames: [commonName] }).inside
    expect(judged(excluding, { commonNames: ['x', commonName, 'y'] }).touched).toBe(expected !== undefined)
    expect(asName).toBe(expected === undefined)
  })

  test('in the common name beside host names, and of a CA, is only a name', () => {
    const elsewhere = { kind: 'dns', text: 'elsewhere.example' } as const
    expect(judged(elsewhere, { commonNames: ['a.example'], dns: ['elsewhere.example'] }).inside).toBe(true)
    expect(judged(elsewhere, { commonNames: ['a.example'], isCa: true }).inside).toBe(true)
  })
})

describe('an e-mail address', () => {
  test.each([
    ['example.com', 'u@example.com', inside],
    ['example.com', 'u@EXAMPLE.com', inside],
    ['example.com', 'u@a.example.com', outside],
    ['.example.com', 'u@example.com', outside],
    ['.example.com', 'u@a.example.com', inside],
    ['.example.com', 'u@notexample.com', outside],
    ['.example.com', 'u@.example.com', outside],
    ['u@example.com', 'u@example.com', inside],
    ['u@example.com', 'u@Example.com', inside],
    ['u@example.com', 'U@example.com', outside],
    ['u@example.com', 'u@example.org', outside],
    ['u@example.com', 'v@example.com', outside],
    ['@example.com', 'u@example.com', inside],
    ['@example.com', 'u@a.example.com', outside],
    ['example.com', '@example.com', perhaps],
    ['example.com', 'example.com', perhaps],
    ['example.org', 'example.com', perhaps],
    ['example.com', 'a@b@example.com', inside],
  ])('in %j: %j', (text, name, expected) => {
    for (const where of [{ email: [name] }, { otherEmails: [name] }])
      expect(judged({ kind: 'email', text }, where)).toEqual(expected)
  })
})

describe('a URI', () => {
  test.each([
    ['example.com', 'https://example.com', inside],
    ['example.com', 'HTTPS://EXAMPLE.com/path?query#part', inside],
    ['example.com', 'spiffe://example.com/agent', inside],
    ['example.com', 'https://example.com:8443/', inside],
    ['example.com', 'https://user:word@example.com/', perhaps],
    ['example.com', 'coap+tcp2://example.com', inside],
    ['example.com', 'https://a.example.com', outside],
    ['example.com', 'https://example.org', outside],
    ['.example.com', 'https://a.example.com', inside],
    ['.example.com', 'https://example.com', outside],
    ['.example.com', 'https://notexample.com', outside],
    ['.example.com', 'https://.example.com', outside],
    ['example.com', 'https://exa:1mple.com/', perhaps],
    ['example.com', 'urn:example:com', perhaps],
    ['example.com', 'https://ex%61mple.com/', perhaps],
    ['example.com', 'urn:https://example.com', perhaps],
    ['example.com', 'h!ttps://example.com', perhaps],
    ['example.com', '1https://example.com', perhaps],
    ['example.com', 'https://10.0.0.1/', perhaps],
    ['example.com', 'https://[::1]:8443/', perhaps],
    ['example.com', 'https:///path', perhaps],
    ['example.com', 'https://elsewhere.org\\@example.com/', perhaps],
  ])('of %j: %j', (text, name, expected) => {
    expect(judged({ kind: 'uri', text }, { uri: [name] })).toEqual(expected)
  })
})

describe('an address', () => {
  const network = (...bytes: number[]): Subtree => ({ kind: 'ip', bytes: Uint8Array.from(bytes) })
  const v6 = (first: number[], mask: number[]) =>
    network(...first, ...Array(16 - first.length).fill(0), ...mask, ...Array(16 - mask.length).fill(0))
  test.each([
    ['10.0.0.0/8', network(10, 0, 0, 0, 255, 0, 0, 0), '10.1.2.3', inside],
    ['10.0.0.0/8', network(10, 0, 0, 0, 255, 0, 0, 0), '11.0.0.1', outside],
    ['10.0.0.0/8', network(10, 0, 0, 0, 255, 0, 0, 0), '::1', outside],
    ['10.0.0.0/8', network(10, 0, 0, 0, 255, 0, 0, 0), '::10.0.0.1', outside],
    ['10.1.0.0/15', network(10, 1, 0, 0, 255, 254, 0, 0), '10.0.255.255', inside],
    ['everything', network(0, 0, 0, 0, 0, 0, 0, 0), '203.0.113.9', inside],
    ['everything of IPv4', network(0, 0, 0, 0, 0, 0, 0, 0), '::1', outside],
    ['one', network(10, 0, 0, 1, 255, 255, 255, 255), '10.0.0.1', inside],
    ['one', network(10, 0, 0, 1, 255, 255, 255, 255), '10.0.0.2', outside],
    ['a mask with holes', network(10, 0, 5, 0, 255, 0, 255, 0), '10.9.5.9', inside],
    ['a mask with holes', network(10, 0, 5, 0, 255, 0, 255, 0), '10.9.6.9', outside],
    ['2001:db8::/32', v6([0x20, 1, 0xd, 0xb8], [255, 255, 255, 255]), '2001:db8::1', inside],
    ['2001:db8::/32', v6([0x20, 1, 0xd, 0xb8], [255, 255, 255, 255]), '2001:db8:1:2:3:4:5:6', inside],
    ['2001:db8::/32', v6([0x20, 1, 0xd, 0xb8], [255, 255, 255, 255]), '2001:db9::1', outside],
    ['2001:db8::/32', v6([0x20, 1, 0xd, 0xb8], [255, 255, 255, 255]), '10.0.0.1', outside],
    ['::/96', v6([], Array(12).fill(255)), '::10.0.0.1', inside],
    ['::/96', v6([], Array(12).fill(255)), '::1:0:10.0.0.1', outside],
    ['::1', v6([...Array(15).fill(0), 1], Array(16).fill(255)), '::1', inside],
    ['::1', v6([...Array(15).fill(0), 1], Array(16).fill(255)), '1::', outside],
    ['::100', v6([...Array(14).fill(0), 1, 0], Array(16).fill(255)), '::100', inside],
    ['10.0.0.0/8', network(10, 0, 0, 0, 255, 0, 0, 0), '0a000001ff', perhaps],
  ])('in %s: %j %j', (_what, subtree, name, expected) => {
    expect(judged(subtree, { ip: [name] })).toEqual(expected)
  })
})

describe('a directory name', () => {
  const acme: Subtree = { kind: 'directory', rdns: ['c=xx', 'o=acme'] }
  test.each([
    [['c=xx', 'o=acme'], inside],
    [['c=xx', 'o=acme', 'cn=a'], inside],
    [['c=xx'], outside],
    [['o=acme', 'c=xx'], outside],
    [['c=xx', 'o=other', 'cn=a'], outside],
  ])('%j', (rdns, expected) => {
    expect(judged(acme, { subjectRdns: rdns })).toEqual(expected)
    expect(judged(acme, { directoryNames: [rdns] })).toEqual(expected)
  })

  test('an empty subject is no name', () => {
    expect(judged(acme, { dns: ['a.example'] })).toEqual({ inside: true, touched: false })
  })
})

describe('constraints', () => {
  const here: Subtree = { kind: 'dns', text: 'here.example' }
  const there: Subtree = { kind: 'dns', text: 'there.example' }
  const only = (permitted: Subtree[], excluded: Subtree[] = []) => caWith({ permitted, excluded })
  const named = (dns: string) => leafWith({ dns: [dns] })

  test('of other kinds leave a name alone; one of several that fits is enough; every name must fit', () => {
    const ca = only([here, there, { kind: 'email', text: 'x' }])
    expect(constraintFault([named('there.example'), ca])).toBeUndefined()
    expect(constraintFault([leafWith({ ip: ['10.0.0.1'] }), ca])).toBeUndefined()
    expect(constraintFault([leafWith({ dns: ['here.example', 'elsewhere'] }), ca])?.words).toMatch(
      /elsewhere/,
    )
    expect(constraintFault([named('here.example'), only([here], [here])])?.words).toMatch(/must not give/)
  })

  test('hold for everything below, for a CA that issues itself a key only at the bottom', () => {
    const ca = only([{ kind: 'directory', rdns: ['o=acme'] }])
    const between = { ...leafWith({ subjectRdns: ['o=other'] }), isCa: true }
    expect(constraintFault([nobody, between, ca])).toMatchObject({ certificate: between })
    expect(constraintFault([nobody, { ...between, selfIssued: true }, ca])).toBeUndefined()
    expect(constraintFault([{ ...between, selfIssued: true }, ca])).toBeDefined()
  })

  test('of a leaf are nobody’s; of a kind that is not supported they refuse all below', () => {
    expect(
      constraintFault([
        { ...named('a.example'), nameConstraints: { permitted: [here], excluded: [] } },
        nobody,
      ]),
    ).toBeUndefined()
    const odd = { kind: 'unsupported' } as const
    for (const ca of [only([odd]), only([], [odd])])
      expect(constraintFault([nobody, ca])).toMatchObject({
        certificate: ca,
        words: expect.stringContaining('not supported'),
      })
  })
})
