import { constants, verify } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  CertificateList,
  CRLReason,
  CRLReasons,
  type Extension,
  id_ce_cRLNumber,
  id_ce_cRLReasons,
} from '@peculiar/asn1-x509'
import { MtlsError } from '../errors.js'
import { hashOf, isStrongHash } from './algorithm.js'
import { type CertificateFacts, serialText } from './certificate.js'
import { nameText } from './name.js'

/** What a certificate revocation list says (RFC 5280 section 5); its signature is checked by `isSignedBy`. */
export interface CrlFacts {
  readonly issuer: string
  readonly thisUpdate: Date
  /** RFC 5280 demands it; a list without one is refused when read. */
  readonly nextUpdate: Date
  /** RFC 5280 section 5.2.3: each list of a CA has a higher one than those before; undefined when absent. */
  readonly number: bigint | undefined
  /** Revoked serial numbers (lower-case hex) with the day and the reason. */
  readonly revoked: ReadonlyMap<string, { readonly at: Date; readonly reason: string | undefined }>
  readonly pem: string
  isSignedBy(issuer: CertificateFacts): boolean
}

const crlBlock = /-----BEGIN (X509 )?CRL-----([^-]*)-----END (?:X509 )?CRL-----/g

/** All revocation lists of a PEM text. Throws `CERT_INVALID` naming `where` when there is none or one cannot be used. */
export function readCrls(text: string, where: string): readonly CrlFacts[] {
  const blocks = [...text.matchAll(crlBlock)]
  const begun = text.match(/-----BEGIN (?:X509 )?CRL-----/g)?.length ?? 0
  if (blocks.length === 0 || blocks.length !== begun) {
    throw new MtlsError(
      'CERT_INVALID',
      `${where}: ${begun === 0 ? 'no revocation list in it' : 'a revocation list in it is cut off'}`,
    )
  }
  return blocks.map((block) => {
    try {
      return readCrl(Buffer.from(block[2] ?? '', 'base64'))
    } catch (cause) {
      throw new MtlsError('CERT_INVALID', `${where}: ${reasonOf(cause)}`, { cause })
    }
  })
}

function reasonOf(cause: unknown): string {
  return cause instanceof RangeError ? cause.message : 'not a readable revocation list'
}

function readCrl(der: Buffer): CrlFacts {
  const list = AsnConvert.parse(der, CertificateList)
  const { tbsCertList: body, tbsCertListRaw: signed } = list
  const entries = body.revokedCertificates ?? []
  // Delta lists, indirect lists and lists for a part of the certificates carry critical extensions
  // (RFC 5280 sections 5.2.4, 5.2.5, 5.3.3). Read as plain lists they would let revoked peers in.
  refuseCritical(body.crlExtensions ?? [])
  for (const entry of entries) refuseCritical(entry.crlEntryExtensions ?? [])
  if (!body.nextUpdate)
    throw new RangeError('the revocation list does not say when the next one comes (nextUpdate)')
  if (!signed) throw new TypeError('no signed part')
  return Object.freeze({
    issuer: nameText(body.issuer),
    thisUpdate: body.thisUpdate.getTime(),
    nextUpdate: body.nextUpdate.getTime(),
    number: crlNumber(body.crlExtensions ?? []),
    revoked: new Map(
      entries.map((entry) => [
        serialText(entry.userCertificate),
        { at: entry.revocationDate.getTime(), reason: revocationReason(entry.crlEntryExtensions ?? []) },
      ]),
    ),
    pem: `-----BEGIN X509 CRL-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END X509 CRL-----\n`,
    isSignedBy: (issuer: CertificateFacts) => isSignedBy(list, Buffer.from(signed), issuer),
  })
}

function refuseCritical(extensions: readonly Extension[]): void {
  const critical = extensions.find((extension) => extension.critical)
  if (critical)
    throw new RangeError(
      `the revocation list has a critical extension that is not supported (${critical.extnID})`,
    )
}

/** Up to 20 bytes long, more than a number holds: the DER of an INTEGER is read here. */
function crlNumber(extensions: readonly Extension[]): bigint | undefined {
  const found = extensions.find((extension) => extension.extnID === id_ce_cRLNumber)
  const digits = found && Buffer.from(found.extnValue.buffer).subarray(2).toString('hex')
  return digits ? BigInt(`0x${digits}`) : undefined
}

function revocationReason(extensions: readonly Extension[]): string | undefined {
  const found = extensions.find((extension) => extension.extnID === id_ce_cRLReasons)
  return found && CRLReasons[AsnConvert.parse(found.extnValue, CRLReason).reason]
}

function isSignedBy(list: CertificateList, signed: Buffer, issuer: CertificateFacts): boolean {
  if (nameText(list.tbsCertList.issuer) !== issuer.subject) return false
  if (issuer.keyUsage && !issuer.keyUsage.includes('cRLSign')) return false
  const hash = hashOf(list.signatureAlgorithm)
  if (!isStrongHash(hash)) return false
  const pss = list.signatureAlgorithm.algorithm === '1.2.840.113549.1.1.10'
  const key = issuer.x509.publicKey
  try {
    return verify(
      hash === 'built-in' ? null : hash,
      signed,
      pss
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
        : key,
      Buffer.from(list.signature),
    )
  } catch {
    return false // an algorithm that does not fit the key
  }
}
