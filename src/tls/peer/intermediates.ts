import { namesIssuer } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'

const remembered = 200
const offered = 10

/** CA certificates that have led from a peer to one of our trust anchors, the latest last; of the whole process. */
const known = new Map<string, CertificateFacts>()

/** Keeps what lies between a leaf and its trust anchor. */
export function rememberIntermediates(path: readonly CertificateFacts[]): void {
  for (const certificate of path.slice(1, -1)) {
    known.delete(certificate.fingerprint256)
    known.set(certificate.fingerprint256, certificate)
  }
  for (const [oldest] of known) {
    if (known.size <= remembered) return
    known.delete(oldest)
  }
}

/** Those that may have issued this certificate, and those above them, the latest first. */
export function intermediatesFor(certificate: CertificateFacts): CertificateFacts[] {
  const above = [certificate]
  for (const below of above)
    for (const candidate of [...known.values()].reverse())
      if (above.length <= offered && namesIssuer(below, candidate) && !above.includes(candidate))
        above.push(candidate)
  return above.slice(1)
}
