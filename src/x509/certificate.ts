import { createHash, X509Certificate } from 'node:crypto'
import { MtlsError } from '../errors.js'
import { readSignatureAlgorithm } from './algorithm.js'
import { certificateParts } from './der/certificate-parts.js'
import { checkDer } from './der/der.js'
import {
  bitsIn,
  readAuthorityKeyId,
  readBasicConstraints,
  readDistributionPoints,
  readKeyId,
  readKeyUsage,
} from './extension-values.js'
import { type KeyFacts, keyFacts } from './key-facts.js'
import { isSameName, nameText, rdnsOf, readName, valuesOf } from './name.js'
import { type NameConstraints, readNameConstraints } from './name-constraints.js'
import { readObjectIds, readSubjectNames, type SubjectNames } from './subject-names.js'

/** The contents of a certificate, read from its DER once; nothing is verified here. */
export interface CertificateFacts {
  /** One line, most significant part first, escaped as RFC 4514 asks: `CN=mcp-client,O=Example`. */
  readonly subject: string
  readonly issuer: string
  /** The last one, the most specific. */
  readonly commonName: string | undefined
  /** Lower-case hex without separators or leading zeros. */
  readonly serial: string
  readonly version: number
  readonly notBefore: Date
  readonly notAfter: Date
  readonly names: SubjectNames
  /** SHA-256 of the DER, 64 lower-case hex digits. */
  readonly fingerprint256: string
  readonly key: KeyFacts
  /** Hash of the signature (`sha256`, `sha1` …), `built-in` for Ed25519 and Ed448, undefined when unknown. */
  readonly signatureHash: string | undefined
  readonly isCa: boolean
  readonly pathLength: number | undefined
  /** Names of RFC 5280 section 4.2.1.3 (`digitalSignature`, `keyCertSign`, `cRLSign` …), undefined when absent. */
  readonly keyUsage: readonly string[] | undefined
  /** `serverAuth`, `clientAuth`, `any`, or a dotted OID; undefined when the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | undefined
  /** What Netscape's old extension allows for client and server; undefined when it is absent. */
  readonly netscapeUsage: readonly ('clientAuth' | 'serverAuth')[] | undefined
  /** Critical extensions this package does not know (dotted OIDs): RFC 5280 says to refuse such a certificate. */
  readonly unknownCritical: readonly string[]
  /**
   * Names of the distribution points of its revocation list (RFC 5280 section 4.2.1.13), as `generalNameText` writes
   * them.
   */
  readonly crlPoints: readonly string[]
  /** Of a CA: which names the certificates below it may have. */
  readonly nameConstraints: NameConstraints | undefined
  /** All common names of the subject, in order. */
  readonly commonNames: readonly string[]
  /** All organizations (`O`) and organizational units (`OU`) of the subject, in order. */
  readonly organizations: readonly string[]
  readonly organizationalUnits: readonly string[]
  /** Subject, issuer and directory names, as `rdnsOf` writes them. */
  readonly subjectRdns: readonly string[]
  readonly issuerRdns: readonly string[]
  readonly directoryNames: readonly (readonly string[])[]
  /** Addresses in the subject, and those with non-ASCII letters (RFC 9598). */
  readonly otherEmails: readonly string[]
  /** SHA-256 of the bits of the public key, hex. */
  readonly keyId: string
  /** Subject and issuer are the same name. */
  readonly selfIssued: boolean
  /** Key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2), hex, undefined when absent. */
  readonly subjectKeyId: string | undefined
  readonly authorityKeyId: string | undefined
  readonly x509: X509Certificate
}

/** Of the extensions that are known here. */
const ids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  netscapeCertType: '2.16.840.1.113730.1.1',
} as const

const extendedKeyUsageNames: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  '2.5.29.37.0': 'any',
}

// Policy constraints, mappings and inhibitAnyPolicy are missing on purpose: marking them critical asks for processing
// that does not happen here.
const knownExtensions = new Set<string>(Object.values(ids))

/**
 * The facts of one certificate, from DER, PEM or Node's own object.
 * Throws `CERT_INVALID` when it cannot be read; `where` names it in the message.
 */
export function readCertificate(
  source: X509Certificate | Uint8Array | string,
  where = 'certificate',
): CertificateFacts {
  try {
    const x509 = source instanceof X509Certificate ? source : new X509Certificate(source)
    void x509.publicKey // throws for one that OpenSSL cannot read
    return facts(x509)
  } catch (cause) {
    throw new MtlsError('CERT_INVALID', `${where}: not a readable X.509 certificate`, { cause })
  }
}

function facts(x509: X509Certificate): CertificateFacts {
  const parts = certificateParts(x509.raw)
  const { extensions } = parts
  if (extensions.length > 0 && parts.version !== 3)
    throw new TypeError('extensions in a certificate that is not of version 3') // RFC 5280 section 4.1.2.1
  const read = <T>(id: string, reader: (der: Uint8Array) => T): T | undefined => {
    const [extension, ...others] = extensions.filter((one) => one.id === id)
    if (others.length > 0) throw new TypeError(`extension ${id} stands twice`) // RFC 5280 section 4.2
    if (extension) checkDer(extension.value)
    return extension && reader(extension.value)
  }
  const constraints = read(ids.basicConstraints, readBasicConstraints)
  const netscapeUsage = read(ids.netscapeCertType, (der) => bitsIn(der)[0] ?? 0)
  const extendedUsage = read(ids.extendedKeyUsage, readObjectIds)
  const names = read(ids.subjectAltName, readSubjectNames)
  const [subject, issuer] = [readName(parts.subject), readName(parts.issuer)]
  const [subjectRdns, issuerRdns] = [rdnsOf(subject), rdnsOf(issuer)]
  const commonNames = valuesOf(subject, '2.5.4.3')
  return Object.freeze({
    subject: nameText(subject),
    issuer: nameText(issuer),
    commonName: commonNames.at(-1),
    commonNames,
    organizations: valuesOf(subject, '2.5.4.10'),
    organizationalUnits: valuesOf(subject, '2.5.4.11'),
    serial: serialText(parts.serial),
    version: parts.version,
    notBefore: parts.notBefore,
    notAfter: parts.notAfter,
    names: names?.names ?? { dns: [], ip: [], email: [], uri: [] },
    fingerprint256: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    key: keyFacts(parts.keyAlgorithm, parts.publicKey),
    signatureHash: readSignatureAlgorithm(parts.signatureAlgorithm).hash,
    isCa: constraints?.isCa ?? false,
    pathLength: constraints?.pathLength,
    keyUsage: read(ids.keyUsage, readKeyUsage),
    extendedKeyUsage: extendedUsage?.map((oid) => extendedKeyUsageNames[oid] ?? oid),
    netscapeUsage:
      netscapeUsage === undefined
        ? undefined
        : [
            ...(netscapeUsage & 0x80 ? ['clientAuth' as const] : []),
            ...(netscapeUsage & 0x40 ? ['serverAuth' as const] : []),
          ],
    unknownCritical: extensions
      .filter(({ id, critical }) => critical && !knownExtensions.has(id))
      .map(({ id }) => id),
    crlPoints: read(ids.crlDistributionPoints, readDistributionPoints) ?? [],
    nameConstraints: read(ids.nameConstraints, readNameConstraints),
    subjectRdns,
    issuerRdns,
    directoryNames: names?.directoryNames ?? [],
    otherEmails: [...valuesOf(subject, '1.2.840.113549.1.9.1'), ...(names?.mailboxes ?? [])],
    keyId: sha256(parts.publicKey),
    selfIssued: isSameName(subjectRdns, issuerRdns),
    subjectKeyId: read(ids.subjectKeyIdentifier, readKeyId),
    authorityKeyId: read(ids.authorityKeyIdentifier, readAuthorityKeyId),
    x509,
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** In PEM, one text each. */
export function pemOf(certificates: readonly CertificateFacts[]): string[] {
  return certificates.map(({ x509 }) => x509.toString())
}

/** A serial number as lower-case hex without leading zeros, so that different encodings of one number are equal. */
export function serialText(serial: ArrayBuffer | Uint8Array | string): string {
  const hex = typeof serial === 'string' ? serial : Buffer.from(serial as Uint8Array).toString('hex')
  return hex
    .toLowerCase()
    .replaceAll(':', '')
    .replace(/^0+(?=.)/, '')
}
