import type { CertificateFacts } from '../x509/certificate.js'
import { weakKey, weakSignature } from '../x509/strength.js'
import type { PathFault } from './fault.js'

/** Those of RFC 5280 section 4.2 and of wide use. */
const extensionNames: Readonly<Record<string, string>> = {
  '2.5.29.9': 'subjectDirectoryAttributes',
  '2.5.29.33': 'policyMappings',
  '2.5.29.36': 'policyConstraints',
  '2.5.29.46': 'freshestCRL',
  '2.5.29.54': 'inhibitAnyPolicy',
  '1.3.6.1.5.5.7.1.1': 'authorityInfoAccess',
  '1.3.6.1.5.5.7.1.11': 'subjectInfoAccess',
  '1.3.6.1.5.5.7.1.24': 'tlsFeature',
  '1.3.6.1.4.1.11129.2.4.3': 'precertificate poison',
}

function nameOf(extension: string): string {
  const name = Object.hasOwn(extensionNames, extension) ? extensionNames[extension] : undefined
  return name ? `${name} (${extension})` : `the one with the number ${extension}`
}

/**
 * Problems with a certificate's key, signature and extensions. The signature on a trusted root proves nothing: the root
 * is trusted because it is in the store.
 */
export function fabricFaults(certificate: CertificateFacts, isRoot: boolean): readonly PathFault[] {
  const [extension] = certificate.unknownCritical
  return [
    extension === undefined
      ? undefined
      : `has a critical extension that is not known here, ${nameOf(extension)}`,
    weakKey(certificate),
    isRoot ? undefined : weakSignature(certificate),
  ]
    .filter((words) => words !== undefined)
    .map((words) => ({ kind: 'fabric', certificate, words }))
}
