import { type BoundAuthorities, bindTrustDomains, type TrustDomains } from '../../auth/trust-domains.js'
import { MtlsError } from '../../errors.js'
import { buildPath, isSelfSigned } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { readCertificates } from '../../x509/pem.js'
import type { SourceText } from './own-certificate.js'

/** The CAs of one trust domain. */
export interface DomainText extends SourceText {
  readonly domain: string
}

/** The CAs to trust, and the trust domains that they are bound to. Throws `CERT_INVALID`, naming the file. */
export function readAuthorities(
  ca: SourceText | undefined,
  ofDomains: readonly DomainText[] = [],
): { readonly anchors: readonly CertificateFacts[]; readonly domains: TrustDomains } {
  const unbound = ca ? withRoot(ca, readCas(ca)) : []
  const bound = ofDomains.map((source): BoundAuthorities => {
    return { domain: source.domain, path: source.path, certificates: readCas(source) }
  })
  const all = [...unbound, ...bound.flatMap(({ certificates }) => certificates)]
  // One that stands in two files is one CA.
  const anchors = [...new Map(all.map((one) => [one.fingerprint256, one])).values()]
  // Its root may stand in another file.
  for (const { path, certificates } of bound)
    if (!certificates.some((one) => buildPath(one, [], anchors).anchored)) throw noRoot(path, certificates)
  return { anchors, domains: bindTrustDomains(anchors, bound) }
}

function readCas({ text, path }: SourceText): readonly CertificateFacts[] {
  const certificates = readCertificates(text, path)
  const leaf = certificates.find(({ isCa }) => !isCa)
  if (leaf) throw new MtlsError('CERT_INVALID', `${path}: ${leaf.subject} is not a CA certificate`)
  return certificates
}

function withRoot({ path }: SourceText, anchors: readonly CertificateFacts[]): readonly CertificateFacts[] {
  if (anchors.length > 0 && !anchors.some(isSelfSigned)) throw noRoot(path, anchors)
  return anchors
}

function noRoot(path: string, [first]: readonly CertificateFacts[]): MtlsError {
  if (!first) return new MtlsError('CERT_INVALID', `${path}: no certificate in it`)
  const { subject, issuer, selfIssued } = first
  const [what, hint] = selfIssued
    ? [`${subject} names itself as its issuer, and its signature is not its own`, 'Get that file anew.']
    : [
        `${subject} was issued by ${issuer}, whose certificate is missing`,
        `Add the certificate of ${issuer} to that file.`,
      ]
  return new MtlsError('CERT_INVALID', `${path} has no root CA in it: ${what}`, { hint })
}
