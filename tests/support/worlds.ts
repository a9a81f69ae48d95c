import fc from 'fast-check'
import { corruptSignature, type Forged, type ForgedSubtree, forge, forgeCa, forgeCrl } from './forge.js'

// Worlds that a generator makes: a root, CAs below it, a leaf, lists, and what is wrong with them. Most have one or two
// faults, some none.

const day = 86_400_000

export type State = 'valid' | 'expired' | 'early'

interface AuthoritySpec {
  readonly state: State
  readonly pathLength: number | undefined
  readonly usage: 'client' | 'server' | undefined
  readonly keyUsage: 'both' | 'lists only'
  readonly permitted: readonly ForgedSubtree[]
  readonly excluded: readonly ForgedSubtree[]
  readonly list: 'good' | 'revokes' | 'expired' | 'early' | 'missing' | 'of another key'
  /** Its signature; of a root never. */
  readonly corrupt: boolean
  /** Another certificate of the same name and key lies beside it: an expired one, a valid one. */
  readonly sibling: State | undefined
}

export interface WorldSpec {
  readonly purpose: 'client' | 'server'
  readonly authorities: readonly AuthoritySpec[]
  readonly leaf: {
    readonly state: State
    readonly usage: 'client' | 'server' | 'both' | 'none'
    readonly signs: boolean
    readonly commonName: string
    readonly organization: string | undefined
    readonly dns: readonly string[]
    readonly ip: readonly string[]
    readonly email: readonly string[]
    readonly uri: readonly string[]
    readonly corrupt: boolean
    readonly criticalUnknown: boolean
  }
  readonly host: string
  readonly lists: boolean
  /** Intermediates stand among the trusted instead of coming with the leaf. */
  readonly trusted: boolean
  readonly reversed: boolean
}

export interface World {
  readonly leaf: Forged
  readonly presented: readonly Forged[]
  readonly trusted: readonly Forged[]
  /** PEM; undefined when revocation is not asked, for want of lists too. */
  readonly crl: string | undefined
}

const mostly = <T, Other = T>(usual: T, others: fc.Arbitrary<Other>, weight = 12): fc.Arbitrary<T | Other> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: others })

const state = mostly<State>('valid', fc.constantFrom<State>('expired', 'early'), 30)

const dnsNames = [
  'a.example.com',
  'b.example.com',
  'example.com',
  'A.Example.COM',
  '*.example.com',
  'x.a.example.com',
  'localhost',
  'other.test',
]
const subtrees: readonly ForgedSubtree[] = [
  { dns: 'example.com' },
  { dns: 'a.example.com' },
  { dns: '.example.com' },
  { dns: 'localhost' },
  { dns: 'test' },
  { email: 'example.com' },
  { email: '.example.com' },
  { email: 'u@example.com' },
  { uri: 'example.com' },
  { uri: '.example.com' },
  { uri: 'a.example.com' },
  { ip: '10.0.0.0/8' },
  { ip: '127.0.0.0/8' },
  { directory: { organization: 'Acme' } },
]
const someSubtrees = fc.oneof(
  { weight: 12, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom(...subtrees), { minLength: 1, maxLength: 3 }) },
)
const some = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 2 })

const authority = fc.record<AuthoritySpec>({
  state,
  pathLength: mostly(undefined, fc.nat(2), 10),
  usage: mostly(undefined, fc.constantFrom('client', 'server'), 10),
  keyUsage: mostly('both', fc.constant('lists only'), 30),
  permitted: someSubtrees,
  excluded: someSubtrees,
  list: mostly('good', fc.constantFrom('revokes', 'expired', 'early', 'missing', 'of another key'), 20),
  corrupt: mostly(false, fc.constant(true), 30),
  sibling: mostly(undefined, fc.constantFrom('valid', 'expired', 'early'), 4),
})

export const worlds: fc.Arbitrary<WorldSpec> = fc.record({
  purpose: fc.constantFrom('client', 'server'),
  authorities: fc.array(authority, { minLength: 1, maxLength: 4 }),
  leaf: fc.record({
    state,
    usage: mostly('both', fc.constantFrom('client', 'server', 'none'), 10),
    signs: mostly(true, fc.constant(false), 30),
    commonName: mostly('agent', fc.constantFrom('', 'a.example.com', 'other.test', 'u@example.com'), 4),
    organization: fc.constantFrom(undefined, 'Acme', 'ACME', 'Other'),
    dns: mostly(['a.example.com'], some(dnsNames), 4),
    ip: mostly([], some(['10.0.0.1', '127.0.0.1', '::1']), 4),
    email: mostly([], some(['u@example.com', 'U@a.example.com', 'u@EXAMPLE.com']), 4),
    uri: mostly([], some(['spiffe://example.com/x', 'https://a.example.com/p', 'urn:x:y']), 4),
    corrupt: mostly(false, fc.constant(true), 30),
    criticalUnknown: mostly(false, fc.constant(true), 30),
  }),
  host: mostly('a.example.com', fc.constantFrom('b.example.com', 'example.com', '127.0.0.1', 'localhost'), 8),
  lists: fc.boolean(),
  trusted: fc.boolean(),
  reversed: fc.boolean(),
})

const dates = {
  valid: {},
  expired: { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) },
  early: { notBefore: new Date(Date.now() + day) },
}

/** The certificates and lists of a world. */
export async function build({ authorities, leaf, ...spec }: WorldSpec): Promise<World> {
  const made: { readonly one: Forged; readonly spec: AuthoritySpec }[] = []
  const siblings: Forged[] = []
  for (const [index, of] of authorities.entries()) {
    const issuer = made.at(-1)?.one
    const options = {
      commonName: `CA ${index}`,
      ...(issuer && { issuer }),
      ...dates[of.state],
      ...(of.pathLength !== undefined && { pathLength: of.pathLength }),
      keyUsage: of.keyUsage === 'both' ? (['keyCertSign', 'cRLSign'] as const) : (['cRLSign'] as const),
      ...((of.permitted.length > 0 || of.excluded.length > 0) && {
        nameConstraints: {
          ...(of.permitted.length > 0 && { permitted: of.permitted }),
          ...(of.excluded.length > 0 && { excluded: of.excluded }),
        },
      }),
    }
    const one = await forge({
      ...options,
      keyUsage: [...options.keyUsage],
      isCa: true,
      usage: of.usage ?? 'none',
    })
    made.push({ one: of.corrupt && issuer ? corruptSignature(one) : one, spec: of })
    if (of.sibling === undefined) continue
    const {
      notBefore: _begin,
      notAfter: _end,
      ...lasting
    } = options as typeof options & Record<string, unknown>
    siblings.push(
      await forge({
        ...lasting,
        keyUsage: [...options.keyUsage],
        isCa: true,
        usage: of.usage ?? 'none',
        keyOf: one,
        ...dates[of.sibling],
      }),
    )
  }
  const issuer = made.at(-1)?.one as Forged
  const own = await forge({
    issuer,
    usage: leaf.usage,
    commonName: leaf.commonName,
    ...(leaf.organization !== undefined && { organization: leaf.organization }),
    dns: [...leaf.dns],
    ip: [...leaf.ip],
    email: [...leaf.email],
    uri: [...leaf.uri],
    keyUsage: leaf.signs ? ['digitalSignature'] : ['keyAgreement'],
    criticalUnknown: leaf.criticalUnknown,
    ...dates[leaf.state],
  })
  const [root, ...between] = made.map(({ one }) => one)
  const ofRoot = siblings.filter(({ subject }) => sameName(subject, root))
  const ofOthers = siblings.filter(({ subject }) => !sameName(subject, root))
  const inOrder = <T>(all: T[]) => (spec.reversed ? all.reverse() : all)
  const below = inOrder([...between, ...ofOthers])
  const roots = inOrder([root as Forged, ...ofRoot])
  return {
    leaf: leaf.corrupt ? corruptSignature(own) : own,
    presented: spec.trusted ? [] : below,
    trusted: spec.trusted ? inOrder([...roots, ...below]) : roots,
    crl: spec.lists ? await listsOf(made, own) : undefined,
  }
}

async function listsOf(
  made: readonly { readonly one: Forged; readonly spec: AuthoritySpec }[],
  leaf: Forged,
): Promise<string | undefined> {
  const lists = await Promise.all(
    made.map(async ({ one: issuer, spec: { list } }, index) => {
      if (list === 'missing') return ''
      const below = made[index + 1]?.one ?? leaf
      const now = Date.now()
      return forgeCrl({
        issuer,
        ...(list === 'revokes' && { revoked: [below.serial] }),
        ...(list === 'expired' && { thisUpdate: new Date(now - 2 * day), nextUpdate: new Date(now - day) }),
        ...(list === 'early' && { thisUpdate: new Date(now + day), nextUpdate: new Date(now + 2 * day) }),
        ...(list === 'of another key' && { signedBy: (await forgeCa()).privateKey }),
      })
    }),
  )
  return lists.join('') || undefined
}

function sameName(one: Forged['subject'], other: Forged | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other?.subject)
}
