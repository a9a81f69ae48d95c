import { dirname } from 'node:path'
import { MtlsError } from '../../errors.js'
import { shellPath } from '../../text/shell-word.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { readCertificates } from '../../x509/pem.js'
import type { StoredFiles } from '../store/stored-file.js'

/**
 * What to change in the directory of a party (file name → text) so that it trusts and distrusts what its CA does, by
 * the CA's own `ca.crt` and, when it has one, `ca.crl`. What was added there by hand stays. `known` are the CAs of
 * that CA's past and present. Throws `CERT_INVALID` when the directory belongs to another CA.
 */
export function trustChanges(
  files: StoredFiles,
  ca: { readonly certificates: string; readonly lists: string | undefined },
  known: readonly CertificateFacts[],
): ReadonlyMap<string, string> {
  const changes = new Map<string, string>()
  const own = readCertificates(ca.certificates, 'ca.crt of the CA')
  const ours = new Set([...own, ...known].map(({ fingerprint256 }) => fingerprint256))
  const file = files.get('ca.crt')
  const present = file ? readCertificates(file.text, file.path) : []
  if (file && !present.some(({ fingerprint256 }) => ours.has(fingerprint256)))
    throw new MtlsError('CERT_INVALID', `${file.path} is another CA than the one that issues here`, {
      hint: `Name the directory of the CA that belongs to it with --ca-dir, or replace everything with \`mcp-mtls cert-gen --force --cert-dir ${shellPath(dirname(file.path))}\`.`,
    })
  const wanted = [...own, ...present.filter(({ fingerprint256 }) => !ours.has(fingerprint256))]
  if (fingerprints(wanted) !== fingerprints(present)) changes.set('ca.crt', certificatesPem(wanted))

  if (ca.lists === undefined) return changes
  const listFile = files.get('ca.crl')
  const presentLists = listFile ? readCrls(listFile.text, listFile.path) : []
  const authorities = [...own, ...known]
  const foreign = presentLists.filter((list) => !authorities.some((authority) => list.isSignedBy(authority)))
  return changes.set('ca.crl', listsPem([...readCrls(ca.lists, 'ca.crl of the CA'), ...foreign]))
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
