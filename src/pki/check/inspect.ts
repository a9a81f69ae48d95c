import { MtlsError } from '../../errors.js'
import { readRegularFile, Unreadable } from '../../files/read-file.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import { readCertificates } from '../../x509/pem.js'
import { requireArguments } from '../require-options.js'

/**
 * The facts of every certificate in a PEM text, or in a file of PEM or DER: a leaf with its chain, or a
 * bundle of CAs. Nothing is verified. Throws `CERT_NOT_FOUND` or `CERT_INVALID`, naming the file.
 */
export async function inspect(pemOrPath: string): Promise<readonly CertificateFacts[]> {
  requireArguments(typeof pemOrPath === 'string', 'a path or a PEM text', "inspect('./certs/server.crt')")
  if (pemOrPath.includes('-----BEGIN')) return readCertificates(pemOrPath, 'certificate')
  const { bytes: content } = await readRegularFile(pemOrPath).catch((cause: NodeJS.ErrnoException) => {
    const what = cause instanceof Unreadable ? cause.message : `cannot be read: ${cause.code}`
    throw new MtlsError('CERT_NOT_FOUND', `${pemOrPath} ${what}`, { cause })
  })
  // DER begins with a SEQUENCE of more than 255 bytes (X.690 section 8.1).
  if (content[0] === 0x30 && content[1] === 0x82) return [readCertificate(content, pemOrPath)]
  return readCertificates(content.toString(), pemOrPath)
}
