import { idIn } from '../auth/identity.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { publicKeyHash } from '../x509/public-key-hash.js'
import type { PathFault } from './fault.js'

const hint =
  'Say which server is meant with `serverId` (`--server-id`): a SPIFFE ID, or sha256/… of its public key. If it was right until now, find out who answers there.'

/**
 * Why a server is none of those that were asked for, in words that complete "certificate X …": by its SPIFFE ID, which
 * counts only where the chain was verified, or by the SHA-256 of its public key (`sha256:<hex>`), which it has proven.
 */
export function serverIdFault(
  leaf: CertificateFacts,
  wanted: readonly string[],
  isVerified: boolean,
): PathFault | undefined {
  const pin = `sha256:${publicKeyHash(leaf)}`
  if (wanted.includes(pin)) return undefined
  const found = idIn(leaf, 'server')
  const id = 'id' in found ? found.id : pin
  const isNamed = wanted.includes(id)
  if (isNamed && isVerified) return undefined
  const words = isNamed
    ? `says that it is ${id}, and its chain is not verified: only its key (${pin}) can be asked for`
    : `is ${id}, not ${wanted.join(' or ')}`
  return { kind: 'server-id', certificate: leaf, words, hint }
}
