import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { CrlSet } from '../../../src/judge/crl-set.js'
import type { CertificatePath } from '../../../src/judge/path.js'
import { type PeerFacts, type Verification, verdict } from '../../../src/tls/peer/verdict.js'
import { type CertificateFacts, readCertificate } from '../../../src/x509/certificate.js'
import { readCrls } from '../../../src/x509/crl.js'
import { forge, forgeCa, forgeCrl } from '../../support/forge.js'
import { atMostTwoOf, holdsOnBothSides } from '../../support/sides.js'
import { tier } from '../../support/tier.js'

const now = new Date()
const day = 86_400_000
const soon = new Date(now.getTime() + day)
const ago = new Date(now.getTime() - day)
const runs = tier(4_000, 400_000)

let root: CertificateFacts
let leaves: Readonly<Record<'client' | 'server', CertificateFacts>>
let crls: CrlSet
beforeAll(async () => {
  const ca = await forgeCa()
  root = readCertificate(ca.cert)
  const leaf = async (usage: 'client' | 'server') =>
    readCertificate((await forge({ issuer: ca, usage })).cert)
  leaves = { client: await leaf('client'), server: await leaf('server') }
  crls = new CrlSet(readCrls(await forgeCrl({ issuer: ca, revoked: ['dead'] }), 'ca.crl'))
})

/** What may be otherwise than with a good peer. Some of it does no harm, on one side or in demo mode. */
interface Fault {
  readonly leaf?: Partial<CertificateFacts>
  readonly path?: Partial<Omit<CertificatePath, 'certificates'>> & { readonly alone?: true }
  readonly error?: string
  readonly missing?: true
}
/** What OpenSSL says when it followed another path than ours. */
const aboutFinding: readonly (string | undefined)[] = [
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...[
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_SIGNATURE_FAILURE',
  ],
]
const names = (some: Partial<CertificateFacts['names']>): Fault => ({
  leaf: { names: { dns: [], ip: [], email: [], uri: [], ...some } },
})
const key = (type: CertificateFacts['key']['type'], bits: number): Fault => ({
  leaf: { key: { type, bits, text: `${type} ${bits}` } },
})
const faults: readonly Fault[] = [
  { missing: true },
  { path: { anchored: false } },
  { path: { selfSigned: true, anchored: false, alone: true } },
  { path: { selfSigned: true, alone: true } },
  { path: { badSignature: { subject: 'CN=forged' } as CertificateFacts } },
  ...[
    ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_HAS_EXPIRED', 'CERT_REVOKED'],
    ...['CERT_NOT_YET_VALID', 'CERT_SIGNATURE_FAILURE', 'INVALID_PURPOSE', 'INVALID_CA', 'CERT_UNTRUSTED'],
    ...[
      'PATH_LENGTH_EXCEEDED',
      'UNABLE_TO_GET_CRL',
      'CRL_HAS_EXPIRED',
      'HOSTNAME_MISMATCH',
      '',
      'MOON_PHASE',
    ],
  ].map((error) => ({ error })),
  { leaf: { notAfter: ago } },
  { leaf: { notAfter: soon } },
  { leaf: { notBefore: soon } },
  { leaf: { isCa: true } },
  { leaf: { serial: 'dead' } },
  { leaf: { unknownCritical: ['1.2.3'] } },
  ...[undefined, [], ['keyCertSign'], ['digitalSignature', 'keyCertSign'], ['keyEncipherment']].map(
    (keyUsage) => ({ leaf: { keyUsage } }),
  ),
  ...[undefined, [], ['serverAuth', 'clientAuth'], ['any'], ['1.2.3']].map((extendedKeyUsage) => ({
    leaf: { extendedKeyUsage },
  })),
  ...['sha1', 'md5', undefined, 'sha384'].map((signatureHash) => ({ leaf: { signatureHash } })),
  ...[key('rsa', 1024), key('rsa', 3072), key('dsa', 2048), key('ec', 224), key('ed25519', 256)],
  names({ dns: ['elsewhere'] }),
  names({ uri: ['spiffe://a/b', 'spiffe://a/c'] }),
  names({ uri: ['spiffe://a/b'], dns: ['localhost'] }),
  names({}),
]

interface Case {
  readonly facts: PeerFacts
  readonly rules: Verification
}

function cases(mode: Verification['mode']): fc.Arbitrary<Case> {
  const rules = fc.constantFrom<(lists: CrlSet) => Verification>(
    () => ({ mode, peer: 'client', crls: undefined }),
    (lists) => ({ mode, peer: 'client', crls: lists }),
    () => ({ mode, peer: 'server', serverName: 'localhost', crls: undefined }),
    (lists) => ({ mode, peer: 'server', serverName: 'localhost', crls: lists }),
  )
  return fc.record({ rulesOf: rules, broken: atMostTwoOf(faults) }).map(({ rulesOf, broken }) => {
    const rules = rulesOf(crls)
    return { rules, facts: broken.reduce(withFault, good(rules.peer)) }
  })
}

function good(peer: 'client' | 'server'): PeerFacts {
  const certificates = [leaves[peer], root] as const
  const path = { certificates, anchored: true, selfSigned: false, badSignature: undefined }
  return { path, authorizationError: undefined }
}

function withFault({ path, authorizationError }: PeerFacts, fault: Fault): PeerFacts {
  const error = fault.error ?? authorizationError
  if (!path || fault.missing) return { path: undefined, authorizationError: error }
  const { alone, ...shape } = fault.path ?? {}
  const leaf = { ...path.certificates[0], ...fault.leaf }
  const above = alone ? [] : path.certificates.slice(1)
  return { path: { ...path, ...shape, certificates: [leaf, ...above] }, authorizationError: error }
}

test('strict: whoever is accepted stands on an anchored way, and OpenSSL has nothing else against it', () => {
  holdsOnBothSides(
    cases('strict'),
    ({ facts, rules }) => {
      const judged = verdict(facts, rules, now)
      if (!judged.accepted) return false
      expect([undefined, ...aboutFinding]).toContain(facts.authorizationError)
      expect(facts.path).toMatchObject({ anchored: true, selfSigned: false, badSignature: undefined })
      expect(judged.relaxed).toEqual([])
      expect(judged.identity.verified).toBe(true)
      return true
    },
    { runs, accepted: runs / 5, refused: runs / 4 },
  )
})

test('strict: facts that no row of the policy allows are refused, alone and beside another', () => {
  const bad = ({ path, authorizationError }: PeerFacts) => {
    const shown = path?.certificates[0]
    return (
      !path?.anchored ||
      path.selfSigned ||
      path.badSignature !== undefined ||
      ![undefined, ...aboutFinding].includes(authorizationError) ||
      shown === undefined ||
      shown.notAfter < now ||
      shown.notBefore > now ||
      shown.isCa ||
      shown.unknownCritical.length > 0 ||
      !['ec', 'rsa', 'ed25519'].includes(shown.key.type) ||
      shown.key.bits < (shown.key.type === 'rsa' ? 2048 : 256) ||
      !/^(sha(256|384)|built-in)$/.test(shown.signatureHash ?? '') ||
      shown.keyUsage?.includes('digitalSignature') === false ||
      shown.keyUsage?.includes('keyCertSign') === true ||
      !shown.extendedKeyUsage
    )
  }
  holdsOnBothSides(
    cases('strict'),
    ({ facts, rules }) => {
      const { accepted } = verdict(facts, rules, now)
      if (bad(facts)) expect(accepted).toBe(false)
      return accepted
    },
    { runs, accepted: runs / 5, refused: runs / 4 },
  )
})

test('demo: only the three relaxations separate the accepted from the strictly accepted', () => {
  holdsOnBothSides(
    cases('demo'),
    ({ facts, rules }) => {
      const judged = verdict(facts, rules, now)
      if (!judged.accepted) return false
      const { path, relaxed, identity } = judged
      expect(identity.verified).toBe(relaxed.length === 0)
      if (relaxed.length > 0) expect(identity.id).toMatch(/^unverified:sha256:/)
      if (relaxed.includes('self-signed-ca')) expect(path.selfSigned).toBe(true)
      expect(relaxed.includes('issuer-unknown')).toBe(!path.anchored || path.selfSigned)
      // What demo mode forgave is put right here; strict mode must then say the same.
      const [shown] = path.certificates
      const leaf = {
        ...shown,
        ...(relaxed.includes('self-signed-ca') && leafUsage(rules.peer)),
        ...(relaxed.includes('name-mismatch') && { names: leaves.server.names }),
        // A root that is trusted here and comes as a leaf: its own signature is nobody's business.
        ...(path.anchored && path.selfSigned && { signatureHash: 'sha256' }),
      }
      const forgiven = { ...good(rules.peer).path, certificates: [leaf, root] } as CertificatePath
      const lists = path.anchored && !path.selfSigned ? rules.crls : undefined
      const strict = { ...rules, mode: 'strict' as const, crls: lists }
      expect(verdict({ path: forgiven, authorizationError: undefined }, strict, now)).toMatchObject(
        // Whoever is unverified needs no name of its own, a strictly accepted one does.
        leaf.names.uri.length > 1 ? {} : { accepted: true },
      )
      return true
    },
    { runs, accepted: runs / 4, refused: runs / 5 },
  )
})

const leafUsage = (peer: 'client' | 'server') => {
  const { isCa, keyUsage, extendedKeyUsage } = leaves[peer]
  return { isCa, keyUsage, extendedKeyUsage }
}

test('whatever strict mode accepts, demo mode accepts as the same', () => {
  holdsOnBothSides(
    cases('strict'),
    ({ facts, rules }) => {
      const judged = verdict(facts, rules, now)
      if (judged.accepted) expect(verdict(facts, { ...rules, mode: 'demo' }, now)).toEqual(judged)
      return judged.accepted
    },
    { runs, accepted: runs / 5, refused: runs / 4 },
  )
})
