import { printable } from '../../text/printable.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { idIn } from '../identity.js'
import { type Complaint, identityIn, isBare } from './identity-entry.js'
import { ruleKey } from './print.js'
import type { Policy, Rule } from './rule.js'

/** A certificate that a directory has issued. */
export interface IssuedCertificate {
  /** By which people know it, for a comment: the name of its file, or its subject. */
  readonly label: string
  readonly leaf: CertificateFacts
  /** That vouches for it: then a name counts only beside it. */
  readonly trustDomain?: string | undefined
}

/**
 * The text of a first policy for these certificates: each client may do everything that a verified peer may without a policy, in a rule of
 * its own, to be narrowed. Certificates that cannot be a client's are left out.
 */
export function starterPolicy(certificates: readonly IssuedCertificate[]): string {
  const clients = certificates.flatMap(({ label, leaf, trustDomain }) => {
    const entry = isClient(leaf) ? entryFor(leaf, trustDomain) : undefined
    return entry === undefined ? [] : [[entry, label] as const]
  })
  const rules = [...new Map(clients)].map(
    ([entry, label]) => `  # ${printable(label)}
  - allow: [${entry}]
    tools: ["*"]        # narrow it: [getTemperature, "getFore*"]
    resources: ["*"]    # "file:///srv/public/**"
    prompts: ["*"]
`,
  )
  const list =
    rules.length === 0
      ? 'rules: []  # no client has a certificate yet: all is denied\n'
      : `rules:\n${rules.join('')}`
  return `# Who may call what. What no rule allows is denied; deny: comes before allow:.
# mode: report only writes down what would be denied.
mode: enforce
${list}`
}

/** As a rule has it; undefined where no rule can ask for it. */
function entryFor(leaf: CertificateFacts, trustDomain: string | undefined): string | undefined {
  const found = idIn(leaf, 'client')
  const read = 'id' in found ? identityIn(found.id) : undefined
  if (!('id' in found) || read === undefined || !('value' in read)) return undefined
  const { value: entry } = read
  const [part] = entry === 'anyone' ? [] : entry
  return trustDomain !== undefined && part !== undefined && isBare(entry)
    ? `{ ${part.kind}: ${JSON.stringify(part.value)}, ca: ${JSON.stringify(trustDomain)} }`
    : JSON.stringify(found.id)
}

function isClient({ isCa, extendedKeyUsage }: CertificateFacts): boolean {
  return (
    !isCa &&
    (extendedKeyUsage === undefined || extendedKeyUsage.some((usage) => /^(?:clientAuth|any)$/.test(usage)))
  )
}

/** The policy of `serve --allow ID`: these identities may do everything, and nobody else anything. Or what is wrong with an identity. */
export function allowOnly(ids: readonly string[]): { readonly policy: Policy } | Complaint {
  const identities: Rule['identities'][number][] = []
  for (const id of ids) {
    const read = identityIn(id)
    if (!('value' in read)) return read
    identities.push(read.value)
  }
  const every = Object.freeze(['*'])
  const rule = {
    name: '--allow',
    isNamed: true,
    line: null,
    effect: 'allow',
    identities: Object.freeze(identities),
    servers: undefined,
    // Methods of extensions too, which a file has to name.
    targets: Object.freeze({ tools: every, resources: every, prompts: every, methods: every }),
    when: undefined,
    condition: undefined,
    limit: undefined,
  } as const
  return {
    policy: Object.freeze({
      mode: 'enforce',
      rules: Object.freeze([Object.freeze({ ...rule, key: ruleKey(rule) })]),
    }),
  }
}
