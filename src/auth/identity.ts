import { MtlsError } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'

/** Who is on the other end of a connection, from the leaf certificate alone. */
export interface Identity {
  /** `spiffe://…`, else `dns:<first DNS SAN>`, else `cn:<CN>`; `unverified:sha256:<hex>` when nobody vouched for it. */
  readonly id: string
  /** False only for what demo mode let pass: such an identity must match no rule. */
  readonly verified: boolean
  /** Every SAN of the leaf, written `dns:…`, `ip:…`, `email:…` or the URI itself; for display when unverified. */
  readonly names: readonly string[]
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  readonly fingerprint256: string
  readonly notAfter: Date
}

/**
 * The identity in a leaf certificate. `verified` says whether its chain was verified: without that
 * no name in it counts. Throws `CERT_INVALID` for more than one SPIFFE ID (SPIFFE X.509-SVID
 * section 2) or no usable name.
 */
export function identityFrom(leaf: CertificateFacts, verified: boolean): Identity {
  const { dns, ip, email, uri } = leaf.names
  return Object.freeze({
    id: verified ? verifiedId(leaf) : `unverified:sha256:${leaf.fingerprint256}`,
    verified,
    names: [
      ...uri,
      ...dns.map((name) => `dns:${name}`),
      ...ip.map((name) => `ip:${name}`),
      ...email.map((name) => `email:${name}`),
    ],
    subject: leaf.subject,
    issuer: leaf.issuer,
    serial: leaf.serial,
    fingerprint256: leaf.fingerprint256,
    notAfter: leaf.notAfter,
  })
}

function verifiedId(leaf: CertificateFacts): string {
  const spiffe = leaf.names.uri.filter((uri) => /^spiffe:\/\//i.test(uri))
  if (spiffe.length > 1)
    throw new MtlsError('CERT_INVALID', `certificate ${leaf.subject}: more than one SPIFFE ID`)
  const id = spiffe[0] ?? prefixed('dns', leaf.names.dns[0]) ?? prefixed('cn', leaf.commonName)
  if (id === undefined)
    throw new MtlsError('CERT_INVALID', `certificate ${leaf.subject}: no SPIFFE ID, DNS name or common name`)
  return id
}

function prefixed(kind: string, name: string | undefined): string | undefined {
  return name ? `${kind}:${name}` : undefined
}
