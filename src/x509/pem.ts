import { MtlsError } from '../errors.js'
import { type CertificateFacts, readCertificate } from './certificate.js'
import { otherFormat } from './other-format.js'

// Base64 has no hyphen: in a file of nothing but beginnings, each match is given up at the next one, not at the end of
// the file.
const certificateBlock =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/**
 * All certificates of a PEM text in order: a leaf with its chain, or a bundle of CAs. Or a single one in DER, one byte
 * per character. Throws `CERT_INVALID` naming `where` when there is none, or one of them cannot be read.
 */
export function readCertificates(text: string, where: string): readonly CertificateFacts[] {
  const blocks = text.match(certificateBlock) ?? []
  const begun = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g)?.length ?? 0
  const isBinary = begun === 0 && text.charCodeAt(0) === 0x30 // a SEQUENCE (X.690 section 8.9)
  const alone = isBinary ? ifReadable(() => readCertificate(Buffer.from(text, 'latin1'), where)) : undefined
  if (alone) return [alone]
  if (blocks.length === 0 || blocks.length !== begun) {
    const other = begun === 0 ? otherFormat(text) : undefined
    const what = other
      ? `it is ${other.what}`
      : begun === 0
        ? 'no certificate in it'
        : 'a certificate in it is cut off'
    throw new MtlsError('CERT_INVALID', `${where}: ${what}`, {
      hint:
        other?.hint ??
        'A PEM file holds -----BEGIN CERTIFICATE----- … -----END CERTIFICATE-----; make a new one if it is damaged.',
    })
  }
  return blocks.map((block, index) => {
    const one = blocks.length === 1 ? where : `${where} (certificate ${index + 1} of ${blocks.length})`
    try {
      return readCertificate(block, one)
    } catch (error) {
      const other = otherFormat(text)
      if (!other) throw error
      throw new MtlsError('CERT_INVALID', `${where}: it is ${other.what}`, { hint: other.hint, cause: error })
    }
  })
}

function ifReadable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
