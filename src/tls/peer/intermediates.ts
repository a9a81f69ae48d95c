import { namesIssuer } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { BoundedMap } from '../bounded-map.js'

const remembered = 200
const offered = 10

/** CA certificates that have led from a peer to one of our trust anchors, latest last; shared by the whole process. */
const known = new BoundedMap<string, CertificateFacts>(remembered)

/** Keeps the certificates between a leaf and its trust anchor. */
export function rememberIntermediates(path: readonly CertificateFacts[]): void {
  for (const certificate of path.slice(1, -1)) known.set(certificate.fingerprint256, certificate)
}

/** Those that may have issued this certificate, and those above them, latest first. */
export function intermediatesFor(certificate: CertificateFacts): CertificateFacts[] {
  const above = [certificate]
  for (const below of above)
    for (const candidate of [...known.values()].reverse())
      if (above.length <= offered && namesIssuer(below, candidate) && !above.includes(candidate))
        above.push(candidate)
  return above.slice(1)
}
