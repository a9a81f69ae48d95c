import { foreignSpiffeId, noTrustDomains, type TrustDomains } from '../auth/trust-domains.js'
import type { PathFault } from './fault.js'
import type { CertificatePath } from './path.js'

/** The SPIFFE ID of a leaf that the CAs above it may not give. */
export function trustDomainFault(
  { certificates, anchored }: Pick<CertificatePath, 'certificates' | 'anchored'>,
  domains: TrustDomains = noTrustDomains,
): PathFault | undefined {
  const words = foreignSpiffeId(certificates, anchored, domains)
  return words === undefined ? undefined : { kind: 'trust-domain', certificate: certificates[0], words }
}
