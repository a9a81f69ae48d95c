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
import type { Signing } from '../../src/pki/certificate/builder.js'
import type { Specification } from '../../src/pki/certificate/request.js'
import { signatureScheme } from '../../src/pki/certificate/signature.js'
import type { SubjectName } from '../../src/pki/certificate/subject-name.js'
import type { CertificateFacts } from '../../src/x509/certificate.js'

// Certificates as @peculiar/x509 makes them: what we make without it is compared with these.

/** The DER of a signed certificate: what was specified, or the same subject, names and use as another, whoever made that. */
export async function libraryCertificate(
  content: Specification | CertificateFacts,
  { key, serial, notBefore, notAfter, signingKey, issuer }: Signing,
): Promise<Buffer> {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const identifiers = await keyIdentifiers(publicKey, issuer)
  const { subject, extensions } =
    'x509' in content ? sameAs(content) : specified(content, key.asymmetricKeyType === 'rsa')
  const { name, hash, signing } = await imported(signingKey)
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serial,
      subject,
      issuer: issuer ? new X509Certificate(issuer.x509.raw).subjectName : subject,
      notBefore,
      notAfter,
      publicKey,
      signingKey: signing,
      signingAlgorithm: { name, hash },
      extensions: [...extensions, ...identifiers],
    },
    webcrypto,
  )
  return Buffer.from(certificate.rawData)
}

/** The key as WebCrypto takes it. */
async function imported(key: KeyObject) {
  const { hash } = signatureScheme(key)
  const name =
    { rsa: 'RSASSA-PKCS1-v1_5', ec: 'ECDSA', ed25519: 'Ed25519' }[String(key.asymmetricKeyType) as 'ec'] ?? ''
  const curves: Readonly<Record<string, string>> = {
    prime256v1: 'P-256',
    secp384r1: 'P-384',
    secp521r1: 'P-521',
  }
  const namedCurve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  const algorithm = { name, ...(hash && { hash }), ...(namedCurve && { namedCurve }) }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const signing = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  return { name, hash: hash ?? 'SHA-512', signing }
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
