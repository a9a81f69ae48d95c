import { dirname } from 'node:path'
import { MtlsError } from '../../errors.js'
import { shellPath } from '../../text/shell-word.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import type { StoredFiles } from '../store/stored-file.js'

/** What `ca.crt` and, when there are lists, `ca.crl` of a CA hold. */
export interface PublishedTrust {
  readonly certificates: readonly CertificateFacts[]
  readonly lists: readonly CrlFacts[] | undefined
}

/**
 * What to change in the directory of a party (file name → text) so that it trusts and distrusts what its CA does. What was
 * added there by hand stays. `known` are the CAs of that CA's past and present. Throws `CERT_INVALID` when the directory
 * belongs to another CA.
 */
export function trustChanges(
  files: StoredFiles,
  { certificates: own, lists }: PublishedTrust,
  known: readonly CertificateFacts[],
): Map<string, string> {
  const changes = new Map<string, string>()
  const authorities = [...own, ...known]
  const ours = new Set(authorities.map(({ fingerprint256 }) => fingerprint256))
  const file = files.get('ca.crt')
  const present = file?.certificates ?? []
  if (file && !present.some(({ fingerprint256 }) => ours.has(fingerprint256)))
    throw new MtlsError('CERT_INVALID', `${file.path} is another CA than the one that issues here`, {
      hint: `Name the directory of the CA that belongs to it with --ca-dir, or replace everything with \`mcp-mtls cert-gen --force --cert-dir ${shellPath(dirname(file.path))}\`.`,
    })
  const trusted = [...own, ...present.filter(({ fingerprint256 }) => !ours.has(fingerprint256))]
  if (fingerprints(trusted) !== fingerprints(present)) changes.set('ca.crt', certificatesPem(trusted))
  if (lists === undefined) return changes
  const presentLists = files.get('ca.crl')?.lists ?? []
  const foreign = presentLists.filter((list) => !authorities.some((authority) => list.isSignedBy(authority)))
  return changes.set('ca.crl', listsPem([...lists, ...foreign]))
}

export function certificatesPem(certificates: readonly CertificateFacts[]): string {
  return certificates.map(({ x509 }) => x509.toString()).join('')
}

/** Each list once. */
export function listsPem(lists: readonly CrlFacts[]): string {
  return [...new Set(lists.map(({ pem }) => pem))].join('')
}

function fingerprints(certificates: readonly CertificateFacts[]): string {
  return certificates.map(({ fingerprint256 }) => fingerprint256).join()
}
