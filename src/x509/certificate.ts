import { createHash, X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CRLDistributionPoints,
  type GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_certificatePolicies,
  id_ce_cRLDistributionPoints,
  id_ce_extKeyUsage,
  id_ce_issuerAltName,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  Name,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509'
import { MtlsError } from '../errors.js'
import { hashOf } from './algorithm.js'
import { certificateParts } from './der/certificate-parts.js'
import { checkDer, contentsOf, elementAt } from './der/der.js'
import { type KeyFacts, keyFacts } from './key-facts.js'
import { isSameName, nameText, rdnsOf, valuesOf } from './name.js'
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
  /** Subject, issuer and directory names, as `rdnsOf` writes them. */
  readonly subjectRdns: readonly string[]
  readonly issuerRdns: readonly string[]
  readonly directoryNames: readonly (readonly string[])[]
  /** Addresses in the subject, and those with non-ASCII letters (RFC 9598). */
  readonly otherEmails: readonly string[]
  /** SHA-256 of the public key, hex. */
  readonly keyId: string
  /** Subject and issuer are the same name. */
  readonly selfIssued: boolean
  /** Key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2), hex, undefined when absent. */
  readonly subjectKeyId: string | undefined
  readonly authorityKeyId: string | undefined
  readonly x509: X509Certificate
}

const netscapeCertType = '2.16.840.1.113730.1.1'

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
const knownExtensions = new Set<string>([
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_certificatePolicies,
  id_ce_cRLDistributionPoints,
  id_ce_extKeyUsage,
  id_ce_issuerAltName,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  netscapeCertType,
])

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
    return extension && reader(extension.value)
  }
  const find = <T>(id: string, type: new () => T): T | undefined => read(id, (der) => parse(der, type))
  const constraints = find(id_ce_basicConstraints, BasicConstraints)
  const usage = find(id_ce_keyUsage, KeyUsage)
  const netscapeUsage = read(netscapeCertType, (der) => contentsOf(elementAt(der, 0))[1] ?? 0)
  const extendedUsage = read(id_ce_extKeyUsage, readObjectIds)
  const names = read(id_ce_subjectAltName, readSubjectNames)
  const [subject, issuer] = [parse(parts.subject, Name), parse(parts.issuer, Name)]
  const [subjectRdns, issuerRdns] = [rdnsOf(subject), rdnsOf(issuer)]
  const commonNames = valuesOf(subject, '2.5.4.3')
  return Object.freeze({
    subject: nameText(subject),
    issuer: nameText(issuer),
    commonName: commonNames.at(-1),
    commonNames,
    serial: serialText(parts.serial),
    version: parts.version,
    notBefore: parts.notBefore,
    notAfter: parts.notAfter,
    names: names?.names ?? { dns: [], ip: [], email: [], uri: [] },
    fingerprint256: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    key: keyFacts(parts.keyAlgorithm, parts.publicKey),
    signatureHash: hashOf(parse(parts.signatureAlgorithm, AlgorithmIdentifier)),
    isCa: constraints?.cA ?? false,
    pathLength: constraints?.pathLenConstraint,
    // The library spells this name differently.
    keyUsage: usage?.toJSON().map((name) => (name === 'crlSign' ? 'cRLSign' : name)),
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
    crlPoints: (find(id_ce_cRLDistributionPoints, CRLDistributionPoints) ?? []).flatMap(
      ({ distributionPoint }) => distributionPoint?.fullName?.map(generalNameText) ?? [],
    ),
    nameConstraints: read(id_ce_nameConstraints, readNameConstraints),
    subjectRdns,
    issuerRdns,
    directoryNames: names?.directoryNames ?? [],
    otherEmails: [...valuesOf(subject, '1.2.840.113549.1.9.1'), ...(names?.mailboxes ?? [])],
    keyId: createHash('sha256').update(parts.publicKey).digest('hex'),
    selfIssued: isSameName(subjectRdns, issuerRdns),
    subjectKeyId: hex(find(id_ce_subjectKeyIdentifier, SubjectKeyIdentifier)?.buffer),
    authorityKeyId: hex(find(id_ce_authorityKeyIdentifier, AuthorityKeyIdentifier)?.keyIdentifier?.buffer),
    x509,
  })
}

/** The library reads encodings other than DER too, which X.509 does not allow. */
function parse<T>(der: Uint8Array, type: new () => T): T {
  checkDer(der)
  return AsnConvert.parse(der, type)
}

/** In PEM, one text each. */
export function pemOf(certificates: readonly CertificateFacts[]): string[] {
  return certificates.map(({ x509 }) => x509.toString())
}

/** A name as text that is the same for equal names. */
export function generalNameText(name: GeneralName): string {
  const { uniformResourceIdentifier: uri, dNSName, directoryName } = name
  if (uri !== undefined) return `URI:${uri}`
  if (dNSName !== undefined) return `DNS:${dNSName}`
  return directoryName ? `DirName:${nameText(directoryName)}` : `DER:${hex(AsnConvert.serialize(name))}`
}

function hex(buffer: ArrayBuffer | undefined): string | undefined {
  return buffer && Buffer.from(buffer).toString('hex')
}

/** A serial number as lower-case hex without leading zeros, so that different encodings of one number are equal. */
export function serialText(serial: ArrayBuffer | Uint8Array | string): string {
  const hex = typeof serial === 'string' ? serial : Buffer.from(serial as Uint8Array).toString('hex')
  return hex
    .toLowerCase()
    .replaceAll(':', '')
    .replace(/^0+(?=.)/, '')
}
