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
import { MtlsError } from '../../errors.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { Specification } from './request.js'
import type { SubjectName } from './subject-name.js'

// The only file that loads @peculiar/x509, which takes 100 ms: import it when a certificate is made, not before.

/** Who signs. */
export interface Signer {
  readonly key: KeyObject
  /** Undefined: the certificate signs itself. */
  readonly issuer: CertificateFacts | undefined
}

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** A signed certificate in PEM. `serial` is positive hex of at most 20 bytes (RFC 5280 section 4.1.2.2). */
export async function buildCertificate(
  specification: Specification,
  subjectKey: KeyObject,
  serial: string,
  validity: Validity,
  signer: Signer,
): Promise<string> {
  const publicKey = spki(subjectKey)
  const extensions = await extensionsOf(specification, publicKey, signer.issuer)
  return sign({ subject: subjectOf(specification), publicKey, serial, extensions }, validity, signer)
}

/** The same subject, names and usage as `before`, whoever made it, for another key and time. */
export async function rebuildCertificate(
  before: CertificateFacts,
  subjectKey: KeyObject,
  serial: string,
  validity: Validity,
  signer: Signer,
): Promise<string> {
  const publicKey = spki(subjectKey)
  const { subjectName, extensions: all } = new X509Certificate(before.x509.raw)
  const extensions = [
    ...all.filter(({ type }) => keptExtensions.includes(type)),
    ...(await keyIdentifiers(publicKey, signer.issuer)),
  ]
  return sign({ subject: subjectName, publicKey, serial, extensions }, validity, signer)
}

/** Basic constraints, key usage, extended key usage, subject alternative names. Others point to the CA of before. */
const keptExtensions = ['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17']

function spki(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

interface Content {
  readonly subject: Name
  readonly publicKey: Buffer
  readonly serial: string
  readonly extensions: Extension[]
}

async function sign(
  { subject, publicKey, serial, extensions }: Content,
  validity: Validity,
  { key, issuer }: Signer,
): Promise<string> {
  const { algorithm, hash } = signatureOf(key)
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serial,
      subject,
      issuer: issuer ? new X509Certificate(issuer.x509.raw).subjectName : subject,
      ...validity,
      publicKey,
      signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
      signingAlgorithm: { name: algorithm.name, hash },
      extensions,
    },
    webcrypto,
  )
  return `${certificate.toString('pem').trim()}\n`
}

/** Values as objects: as plain strings the library would read a leading `#` as hex. */
function subjectOf({ country, organization, commonName }: Specification): Name {
  return new Name([
    ...(country ? [{ C: [{ printableString: country }] }] : []),
    ...(organization ? [{ O: [{ utf8String: organization }] }] : []),
    { CN: [{ utf8String: commonName }] },
  ])
}

/** RFC 5280 section 4.2: what is critical here must be, the rest must or should not be. */
async function extensionsOf(
  { type, names }: Specification,
  publicKey: Buffer,
  issuer: CertificateFacts | undefined,
): Promise<Extension[]> {
  const isCa = type === 'ca'
  // RFC 8446 signs only; RSA key transport of TLS 1.2 encrypts, and old peers ask for the bit.
  const isRsa = createPublicKey({ key: publicKey, format: 'der', type: 'spki' }).asymmetricKeyType === 'rsa'
  const leafUsage = KeyUsageFlags.digitalSignature | (isRsa ? KeyUsageFlags.keyEncipherment : 0)
  const extensions: Extension[] = [
    new BasicConstraintsExtension(isCa, isCa ? 0 : undefined, true),
    new KeyUsagesExtension(isCa ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : leafUsage, true),
    ...(await keyIdentifiers(publicKey, issuer)),
  ]
  if (!isCa) {
    const usage = type === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth
    extensions.push(new ExtendedKeyUsageExtension([usage]))
  }
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names.map(generalName)))
  return extensions
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

interface SigningAlgorithm {
  readonly name: string
  readonly hash?: string
  readonly namedCurve?: string
}

const curves: Readonly<Record<string, { namedCurve: string; hash: string }>> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
  secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
}

function signatureOf(key: KeyObject): { algorithm: SigningAlgorithm; hash: string } {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, hash: 'SHA-256' }
    case 'ed25519':
      return { algorithm: { name: 'Ed25519' }, hash: 'SHA-512' }
    case 'ec': {
      const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
      if (curve) return { algorithm: { name: 'ECDSA', namedCurve: curve.namedCurve }, hash: curve.hash }
    }
  }
  throw new MtlsError('CERT_INVALID', `a CA key of type ${key.asymmetricKeyType} cannot sign here`, {
    hint: 'Use a CA with an RSA, Ed25519, P-256, P-384 or P-521 key.',
  })
}
