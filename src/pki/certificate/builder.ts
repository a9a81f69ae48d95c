import 'reflect-metadata' // @peculiar/x509 needs it and does not bring it
import { createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { Specification } from './request.js'
import { signatureScheme } from './signature.js'
import type { SubjectName } from './subject-name.js'

// The only file that loads @peculiar/x509, which takes 100 ms: import it when a certificate is made, not before.

/** What a certificate says beside its subject, names and use, and who signs it. */
export interface Signing {
  /** The key that it certifies; its public half is enough. */
  readonly key: KeyObject
  /** Positive hex of at most 20 bytes (RFC 5280 section 4.1.2.2). */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly signingKey: KeyObject
  /** Undefined: the certificate signs itself. */
  readonly issuer: CertificateFacts | undefined
}

/** The DER of a signed certificate: what was specified, or the same subject, names and use as another, whoever made that. */
export async function buildCertificate(
  content: Specification | CertificateFacts,
  { key, serial, notBefore, notAfter, signingKey, issuer }: Signing,
): Promise<Buffer> {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const identifiers = await keyIdentifiers(publicKey, issuer)
  const { subject, extensions } =
    'x509' in content ? sameAs(content) : specified(content, key.asymmetricKeyType === 'rsa')
  const { algorithm, hash = 'SHA-512' } = signatureScheme(signingKey)
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serial,
      subject,
      issuer: issuer ? new X509Certificate(issuer.x509.raw).subjectName : subject,
      notBefore,
      notAfter,
      publicKey,
      signingKey: await imported(signingKey),
      signingAlgorithm: { name: algorithm, hash },
      extensions: [...extensions, ...identifiers],
    },
    webcrypto,
  )
  return Buffer.from(certificate.rawData)
}

const importedKeys = new WeakMap<KeyObject, Promise<webcrypto.CryptoKey>>()

/** The key as WebCrypto, which the library signs with, takes it: once for each CA. Node 20 has no shorter way. */
function imported(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const known = importedKeys.get(key)
  if (known) return known
  const { algorithm: name, hash, namedCurve } = signatureScheme(key)
  const algorithm = { name, ...(hash && { hash }), ...(namedCurve && { namedCurve }) }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const importing = webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  importedKeys.set(key, importing)
  return importing
}

interface Content {
  readonly subject: Name
  readonly extensions: readonly Extension[]
}

/** Basic constraints, key usage, extended key usage, subject alternative names. Others point to the former CA. */
const keptExtensions = ['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17']

function sameAs({ x509 }: CertificateFacts): Content {
  const { subjectName, extensions } = new X509Certificate(x509.raw)
  return { subject: subjectName, extensions: extensions.filter(({ type }) => keptExtensions.includes(type)) }
}

/** RFC 5280 section 4.2: what is critical here must be, the rest must or should not be. */
function specified(specification: Specification, isRsa: boolean): Content {
  const { type, names } = specification
  const isCa = type === 'ca'
  // RFC 8446 signs only; RSA key transport of TLS 1.2 encrypts, and old peers ask for the bit.
  const leafUsage = KeyUsageFlags.digitalSignature | (isRsa ? KeyUsageFlags.keyEncipherment : 0)
  const extensions: Extension[] = [
    new BasicConstraintsExtension(isCa, isCa ? 0 : undefined, true),
    new KeyUsagesExtension(isCa ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : leafUsage, true),
  ]
  if (!isCa) {
    const usage = type === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth
    extensions.push(new ExtendedKeyUsageExtension([usage]))
  }
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names.map(generalName)))
  return { subject: subjectOf(specification), extensions }
}

/** Values as objects: as plain strings the library would read a leading `#` as hex. */
function subjectOf({ country, organization, commonName }: Specification): Name {
  return new Name([
    ...(country ? [{ C: [{ printableString: country }] }] : []),
    ...(organization ? [{ O: [{ utf8String: organization }] }] : []),
    { CN: [{ utf8String: commonName }] },
  ])
}

async function keyIdentifiers(
  publicKey: Buffer,
  issuer: CertificateFacts | undefined,
): Promise<readonly Extension[]> {
  const subject = await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto)
  return issuer?.subjectKeyId
    ? [subject, new AuthorityKeyIdentifierExtension(issuer.subjectKeyId)]
    : [subject]
}

function generalName({ kind, value }: SubjectName): { type: GeneralNameType; value: string } {
  return { type: kind === 'uri' ? 'url' : kind, value }
}
