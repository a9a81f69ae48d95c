import type { CertificateFacts } from '../x509/certificate.js'
import { weakKey, weakSignature } from '../x509/strength.js'
import type { PathFault } from './fault.js'

/**
 * What is wrong with what a certificate is made of. The signature on a trusted root proves nothing: it is trusted
 * because it is in the store.
 */
export function fabricFaults(certificate: CertificateFacts, isRoot: boolean): readonly PathFault[] {
  const [extension] = certificate.unknownCritical
  return [
    extension === undefined ? undefined : `has the unknown critical extension ${extension}`,
    weakKey(certificate),
    isRoot ? undefined : weakSignature(certificate),
  ]
    .filter((words) => words !== undefined)
    .map((words) => ({ kind: 'fabric', certificate, words }))
}
