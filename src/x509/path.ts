import type { CertificateFacts } from './certificate.js'

/** The way from a leaf up to a trust anchor, as far as it goes; every signature on it was checked. */
export interface CertificatePath {
  /** Leaf first; the trust anchor last when `anchored`. */
  readonly certificates: readonly [CertificateFacts, ...CertificateFacts[]]
  /** It ends in one of the trust anchors. */
  readonly anchored: boolean
  /** The leaf signed itself. */
  readonly selfSigned: boolean
  /** A certificate whose issuer is known but whose signature is not that issuer's. */
  readonly badSignature: CertificateFacts | undefined
}

const maximumLength = 10
/** A peer may show more; they are not looked at. */
export const maximumPresented = 20

/**
 * Builds the path from `leaf` over `presented` certificates to one of `anchors` (RFC 5280 section
 * 6.1, the part that OpenSSL does not do for resumed sessions). Names, key identifiers, the right to
 * sign and signatures are checked here; dates, usage and strength are the verdict's.
 */
export function buildPath(
  leaf: CertificateFacts,
  presented: readonly CertificateFacts[],
  anchors: readonly CertificateFacts[],
): CertificatePath {
  const trusted = new Set(anchors.map((anchor) => anchor.fingerprint256))
  const candidates = [...anchors, ...presented.slice(0, maximumPresented)].filter(maySign)
  // A stranger may present certificates that sign each other in every combination: climb over each once.
  const climbed = new Set<CertificateFacts>()
  const climb = (path: readonly [CertificateFacts, ...CertificateFacts[]]): CertificatePath => {
    const top = path.at(-1) ?? leaf
    const end = { certificates: path, anchored: false, selfSigned: false, badSignature: undefined }
    if (trusted.has(top.fingerprint256))
      return { ...end, anchored: true, selfSigned: path.length === 1 && isSignedBy(top, top) }
    if (namesAsIssuer(top, top)) {
      return isSignedBy(top, top) ? { ...end, selfSigned: path.length === 1 } : { ...end, badSignature: top }
    }
    if (path.length >= maximumLength) return end
    climbed.add(top)
    const issuers = candidates.filter((issuer) => namesAsIssuer(top, issuer))
    const signers = issuers.filter((issuer) => isSignedBy(top, issuer))
    if (issuers.length > 0 && signers.length === 0) return { ...end, badSignature: top }
    let longest: CertificatePath = end
    for (const signer of signers) {
      if (climbed.has(signer)) continue
      const found = climb([...path, signer])
      if (found.anchored) return found
      if (longest === end) longest = found
    }
    return longest
  }
  return climb([leaf])
}

/** RFC 5280 section 4.2.1.1: names must chain; key identifiers too where both sides have them. */
function namesAsIssuer(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  if (certificate.issuer !== issuer.subject) return false
  const { authorityKeyId } = certificate
  return (
    authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    authorityKeyId === issuer.subjectKeyId
  )
}

function maySign(issuer: CertificateFacts): boolean {
  return issuer.isCa && (issuer.keyUsage?.includes('keyCertSign') ?? true)
}

function isSignedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey)
  } catch {
    return false // a key of another type than the signature
  }
}
