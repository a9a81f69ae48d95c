import { MtlsError } from '../errors.js'
import { claimsSpiffe, isSpiffeId } from '../text/spiffe.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { hostForm } from '../x509/host-name.js'

/** The identity of the peer, from its leaf certificate alone. */
export interface Identity {
  /**
   * `spiffe://…`, else `dns:<first DNS SAN>`, else `cn:<CN>`, else `email:<first>`, for servers else `ip:<first>`;
   * `unverified:sha256:<hex>` when the chain was not verified.
   */
  readonly id: string
  /** False only for what demo mode accepted: such an identity must match no rule. */
  readonly verified: boolean
  /** Every SAN of the leaf, written `dns:…`, `ip:…`, `email:…` or the URI itself, `uri:…` where it looks like one of them; for display when unverified. */
  readonly names: readonly string[]
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  readonly fingerprint256: string
  readonly notAfter: Date
  /**
   * The trust domain that the CA of a verified peer is bound to, whatever names are in the leaf; undefined when it is bound
   * to none.
   */
  readonly trustDomain: string | undefined
  /** Whether trust domains are bound at all: then a name that is no SPIFFE ID counts only beside its CA's domain. */
  readonly domainsBound: boolean
}

/** What the CAs on its path make of a leaf. */
export type VouchedBy = Pick<Identity, 'trustDomain' | 'domainsBound'>

const nobody: VouchedBy = { trustDomain: undefined, domainsBound: false }

/**
 * The identity in a leaf certificate. `verified` says whether its chain was verified: if not, no name in it counts.
 * Throws `CERT_INVALID` for a malformed SPIFFE ID, for a SPIFFE ID beside another URI (SPIFFE-ID section 2, X.509-SVID
 * section 2), and when there is no usable name.
 */
export function identityFrom(
  leaf: CertificateFacts,
  verified: boolean,
  side: 'client' | 'server' = 'client',
  { trustDomain, domainsBound }: VouchedBy = nobody,
): Identity {
  const { dns, ip, email, uri } = leaf.names
  return Object.freeze({
    id: verified ? verifiedId(leaf, side) : `unverified:sha256:${leaf.fingerprint256}`,
    verified,
    names: [
      ...uri.map(uriForm),
      ...dns.map((name) => `dns:${name}`),
      ...ip.map((name) => `ip:${name}`),
      ...email.map((name) => `email:${name}`),
    ],
    subject: leaf.subject,
    issuer: leaf.issuer,
    serial: leaf.serial,
    fingerprint256: leaf.fingerprint256,
    notAfter: leaf.notAfter,
    trustDomain: verified ? trustDomain : undefined,
    domainsBound,
  })
}

function verifiedId(leaf: CertificateFacts, side: 'client' | 'server'): string {
  const found = idIn(leaf, side)
  if ('id' in found) return found.id
  throw new MtlsError('CERT_INVALID', `certificate ${leaf.subject}: ${found.problem}`)
}

/** What names make of their bearer once they are believed: an identity, or why they make none. */
export function idIn(
  { names: { dns, ip, email, uri }, commonName }: Pick<CertificateFacts, 'names' | 'commonName'>,
  side: 'client' | 'server',
): { readonly id: string } | { readonly problem: string } {
  const spiffe = uri.find(claimsSpiffe)
  if (spiffe !== undefined) {
    if (uri.length > 1)
      return { problem: 'more than one URI beside its SPIFFE ID, which must be the only one' }
    return isSpiffeId(spiffe) ? { id: spiffe } : { problem: `${spiffe} is no SPIFFE ID` }
  }
  const id =
    prefixed('dns', dns.map(hostForm).find(isOne)) ??
    prefixed('cn', [commonName ?? ''].find(isOne)) ??
    prefixed('email', email.find(isOne)) ??
    // A client must have chosen a name; a server is where it is.
    (side === 'server' ? prefixed('ip', ip[0]) : undefined)
  return id === undefined ? { problem: 'no SPIFFE ID, DNS name, common name or email address' } : { id }
}

/**
 * Whose a session is, a process, a budget, a line of a record: the `id`, with its trust domain where any CA may give the name, as
 * `cn:alice (partner.example)`.
 */
export function ownerOf({
  id,
  verified,
  trustDomain,
  domainsBound,
}: Pick<Identity, 'id' | 'verified' | 'trustDomain' | 'domainsBound'>): string {
  return verified && domainsBound && !isSpiffeId(id) ? `${id} (${trustDomain ?? ''})` : id
}

/** URIs may begin like names of another kind (`dns:` is a scheme of RFC 4501): kinds never mix. */
export function uriForm(uri: string): string {
  return /^(?:dns|ip|email|cn|ou?|issuer|serial|fingerprint|spki|ca|uri|unverified):/i.test(uri)
    ? `uri:${uri}`
    : uri
}

/** A wildcard stands for many hosts: it identifies none of them. */
function isOne(name: string): boolean {
  return name !== '' && !name.includes('*')
}

function prefixed(kind: string, name: string | undefined): string | undefined {
  return name ? `${kind}:${name}` : undefined
}
