import { foreignSpiffeId, noTrustDomains, type TrustDomains } from '../auth/trust-domains.js'
import type { CertificateFacts } from '../x509/certificate.js'
import type { PathFault } from './fault.js'

/** The SPIFFE ID of a leaf that the CAs above it may not give. */
export function trustDomainFault(
  certificates: readonly [CertificateFacts, ...CertificateFacts[]],
  anchored: boolean,
  domains: TrustDomains = noTrustDomains,
): PathFault | undefined {
  const words = foreignSpiffeId(certificates, anchored, domains)
  return words === undefined ? undefined : { kind: 'trust-domain', certificate: certificates[0], words }
}
