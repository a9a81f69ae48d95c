import type { KeyObject } from 'node:crypto'
import type { Role } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { dateFault } from '../../judge/dates.js'
import { fabricFaults } from '../../judge/fabric.js'
import { isSelfSigned } from '../../judge/path.js'
import { purposeFaults } from '../../judge/purpose.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { readCertificates } from '../../x509/pem.js'
import { readPrivateKey } from '../../x509/private-key.js'

/** What one side presents. */
export interface OwnCertificate {
  readonly certificate: CertificateFacts
  /** The certificates after it in its file: the CAs above it. */
  readonly chain: readonly CertificateFacts[]
  readonly key: KeyObject
}

/** A text, and where it came from, for messages. */
export interface SourceText {
  readonly text: string
  readonly path: string
}

/**
 * Our certificate and its key, which match and which a peer can accept. Throws `CERT_INVALID`, `CERT_EXPIRED`,
 * `CERT_NOT_YET_VALID`, `KEY_MISMATCH` or `KEY_ENCRYPTED`, naming the file.
 */
export function readOwnCertificate(
  { text: certText, path: certPath }: SourceText,
  { text: keyText, path: keyPath }: SourceText,
  passphrase: string | undefined,
  role: Role,
  now: Date,
): OwnCertificate {
  const [certificate, ...chain] = readCertificates(certText, certPath)
  if (!certificate) throw new MtlsError('CERT_INVALID', `${certPath}: no certificate in it`)
  const key = readPrivateKey(keyText, keyPath, passphrase)
  const owner = [certificate, ...chain].find(({ x509 }) => x509.checkPrivateKey(key))
  if (!owner)
    throw new MtlsError('KEY_MISMATCH', `${keyPath} is not the key of ${certPath} (${certificate.subject})`)
  if (owner !== certificate) {
    throw new MtlsError(
      'KEY_MISMATCH',
      `${keyPath} is the key of ${owner.subject}, which is not the first certificate in ${certPath}`,
      { hint: 'Put that certificate first, and then the CAs, each after the one that it signed.' },
    )
  }
  checkOwn(certificate, certPath, role, now)
  return { certificate, chain, key }
}

/** Reasons for which any peer would refuse our own certificate, whatever it trusts. */
function checkOwn(certificate: CertificateFacts, path: string, role: Role, now: Date): void {
  const ended = dateFault(certificate, now)
  if (ended) {
    const code = ended.kind === 'expired' ? 'CERT_EXPIRED' : 'CERT_NOT_YET_VALID'
    throw new MtlsError(code, `${path} ${ended.words}`)
  }
  const [weakness] = fabricFaults(certificate, false)
  if (weakness) {
    throw new MtlsError('CERT_INVALID', `the certificate in ${path} ${weakness.words}`, {
      hint: 'Make a new pair, for example with `mcp-mtls cert-gen`.',
    })
  }
  // A self-signed one is for peers in demo mode; a client's that names no use, for servers that require none.
  const unfit = purposeFaults(certificate, role === 'server' ? 'serverAuth' : 'clientAuth').find(
    ({ passesInDemo }) => !(passesInDemo && (role === 'client' || isSelfSigned(certificate))),
  )
  if (unfit) {
    throw new MtlsError(
      'CERT_INVALID',
      `${path} ${unfit.words}: no ${role === 'server' ? 'client' : 'server'} would accept it`,
      {
        hint: `Use the ${role} certificate here, for example the one from \`mcp-mtls cert-gen\`.`,
      },
    )
  }
}
