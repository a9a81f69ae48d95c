import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  sign,
} from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RsaSaPssParams } from '@peculiar/asn1-rsa'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CertificateList,
  CRLDistributionPoints,
  DistributionPoint,
  DistributionPointName,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  IssuingDistributionPoint,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_cRLDistributionPoints,
  id_ce_cRLNumber,
  id_ce_deltaCRLIndicator,
  id_ce_extKeyUsage,
  id_ce_issuingDistributionPoint,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  NameConstraints,
  Reason,
  ReasonFlags,
  RelativeDistinguishedName,
  RevokedCertificate,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  TBSCertList,
  Time,
  Validity,
  Version,
} from '@peculiar/asn1-x509'

// Certificates for tests, good and bad, in memory. It signs with node:crypto over the bare ASN.1 and shares no
// code with src/pki, so that what the product makes is never the measure of what it accepts.

export type ForgedKeyType = 'ec-p256' | 'ec-p384' | 'ec-p521' | 'ec-p224' | 'ed25519' | 'rsa' | 'dsa'
export type ForgedHash = 'MD5' | 'SHA-1' | 'SHA-224' | 'SHA-256' | 'SHA-384' | 'SHA-512'
type KeyUsageName = keyof typeof KeyUsageFlags

export interface Forged {
  readonly cert: string
  /** PKCS#8 PEM. */
  readonly key: string
  readonly der: Buffer
  /** Lower-case hex without leading zeros, as `readCertificate` gives it. */
  readonly serial: string
  readonly privateKey: KeyObject
  readonly subject: Name
  readonly keyId: ArrayBuffer
}

export interface ForgeOptions {
  /** Self-signed when absent. */
  issuer?: Forged
  commonName?: string
  organization?: string
  /** More attributes of the subject: dotted OID and text, after the organization and before the common name. */
  attributes?: readonly (readonly [type: string, text: string])[]
  /** Extended key usage: `client` by default, none for a CA; a list holds dotted OIDs. */
  usage?: 'client' | 'server' | 'both' | 'none' | string[]
  /** `localhost`, `127.0.0.1` and `::1` when usage is `server` or `both` and neither dns nor ip is given. */
  dns?: string[]
  ip?: string[]
  uri?: string[]
  email?: string[]
  /** URIs of its revocation list. */
  crlPoints?: string[]
  isCa?: boolean
  pathLength?: number
  /** What the kind of certificate needs by default; an empty list leaves the extension out. */
  keyUsage?: KeyUsageName[]
  keyType?: ForgedKeyType
  /** The key of this one, instead of a new key: a renewal, a cross-certificate. */
  keyOf?: Forged
  /** RSA and DSA, 2048 by default. */
  keySize?: number
  /** Of the signature, SHA-256 by default. */
  hash?: ForgedHash
  /** Yesterday by default. */
  notBefore?: Date
  /** In ninety days by default. */
  notAfter?: Date
  /** Hex; random by default. */
  serial?: string
  /** Of a CA: the names that it may give, or must not. An `ip` is a network such as 10.0.0.0/8. */
  nameConstraints?: Partial<Record<'permitted' | 'excluded', readonly ForgedSubtree[]>>
  /** Adds a critical extension that nobody knows. */
  criticalUnknown?: boolean
  /** In the place of the bits of its public key. */
  publicKey?: Buffer
  /** Adds this one, its value in DER. */
  extra?: { id: string; value: Uint8Array; critical?: boolean }
  /** 3 by default; 1 has no extensions at all. */
  version?: 1 | 3
}

export interface ForgedSubtree {
  dns?: string
  email?: string
  uri?: string
  ip?: string
  directory?: Pick<ForgeOptions, 'commonName' | 'organization'>
  registeredId?: string
}

export type ForgeCaOptions = Omit<ForgeOptions, 'isCa' | 'usage'>

const day = 86_400_000
/** What is made without dates of its own ends at one moment, whether a second passed between or not. */
const begun = Date.now()

/** A CA: a root, or an intermediate when it has an issuer. */
export function forgeCa(options: ForgeCaOptions = {}): Promise<Forged> {
  return forge({ commonName: options.issuer ? 'Forged Intermediate' : 'Forged CA', ...options, isCa: true })
}

/** A certificate with its key, exactly as asked for. */
export async function forge(options: ForgeOptions = {}): Promise<Forged> {
  const { publicKey, privateKey } = options.keyOf
    ? { publicKey: createPublicKey(options.keyOf.privateKey), privateKey: options.keyOf.privateKey }
    : await keyPair(options.keyType ?? 'ec-p256', options.keySize ?? 2048)
  const spki = AsnConvert.parse(publicKey.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo)
  if (options.publicKey) spki.subjectPublicKey = bytes(options.publicKey)
  const keyId = bytes(createHash('sha1').update(Buffer.from(spki.subjectPublicKey)).digest())
  const subject = distinguishedName(options)
  const serial = options.serial ?? `7${randomBytes(16).toString('hex').slice(1)}`
  const signer = options.issuer?.privateKey ?? privateKey
  const algorithm = signatureAlgorithm(signer, options.hash ?? 'SHA-256')
  const tbsCertificate = new TBSCertificate({
    version: options.version === 1 ? Version.v1 : Version.v3,
    serialNumber: bytes(Buffer.from(serial.padStart(serial.length + (serial.length % 2), '0'), 'hex')),
    signature: algorithm,
    issuer: options.issuer?.subject ?? subject,
    validity: new Validity({
      notBefore: options.notBefore ?? new Date(begun - day),
      notAfter: options.notAfter ?? new Date(begun + 90 * day),
    }),
    subject,
    subjectPublicKeyInfo: spki,
    ...(options.version === 1 ? {} : { extensions: extensions(options, privateKey, keyId) }),
  })
  const der = signed(tbsCertificate, signer, options.hash ?? 'SHA-256', (signature) =>
    AsnConvert.serialize(
      new Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue: signature }),
    ),
  )
  return {
    cert: pem('CERTIFICATE', der),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    der,
    serial: serial.toLowerCase().replace(/^0+(?=.)/, ''),
    privateKey,
    subject,
    keyId,
  }
}

/** The same certificate with one byte of its signature flipped: it parses, and does not verify. */
export function corruptSignature(forged: Forged): Forged {
  const der = Buffer.from(forged.der)
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
  return { ...forged, der, cert: pem('CERTIFICATE', der) }
}

export interface ForgeCrlOptions {
  issuer: Forged
  /** Serial numbers in hex. */
  revoked?: string[]
  /** An hour ago by default. */
  thisUpdate?: Date
  /** In a day by default; null leaves it out. */
  nextUpdate?: Date | null
  number?: number
  hash?: ForgedHash
  /** Another key signs than that of the issuer. */
  signedBy?: KeyObject
  /** With an RSA key: RSASSA-PSS over SHA-256 instead of PKCS #1 v1.5. */
  pss?: boolean
  /** Adds an extension that nobody knows, to the list or to its entries. */
  unknown?: { of: 'list' | 'entries'; critical: boolean }
  /** An issuing distribution point: a list for some certificates. */
  issuingPoint?: {
    uri?: string
    only?: 'ca' | 'user' | 'attribute'
    indirect?: true
    someReasons?: true
    critical?: boolean
  }
  /** A delta list: what changed since the list of this number. */
  deltaSince?: { number: number; critical: boolean }
  /** The algorithm that stands beside the signature, when another than inside. */
  outerHash?: ForgedHash
}

/** A signed revocation list in PEM. */
export async function forgeCrl(options: ForgeCrlOptions): Promise<string> {
  const { issuer, hash = 'SHA-256', unknown, nextUpdate = new Date(Date.now() + day) } = options
  const key = options.signedBy ?? issuer.privateKey
  const algorithm = options.pss ? pssAlgorithm : signatureAlgorithm(key, hash)
  const added = (of: string) => (unknown?.of === of ? [unknownExtension(unknown.critical)] : [])
  const thisUpdate = options.thisUpdate ?? new Date(Date.now() - day / 24)
  const list = new TBSCertList({
    version: Version.v2,
    signature: algorithm,
    issuer: issuer.subject,
    thisUpdate: new Time(thisUpdate),
    ...(nextUpdate && { nextUpdate: new Time(nextUpdate) }),
    crlExtensions: [
      ...added('list'),
      ...partial(options),
      extension(id_ce_authorityKeyIdentifier, authorityKeyIdentifier(issuer.keyId)),
      new Extension({
        extnID: id_ce_cRLNumber,
        extnValue: new OctetString([2, 1, options.number ?? 1]),
      }),
    ],
  })
  // An empty list must be absent, not empty (RFC 5280 section 5.1.2.6).
  if (options.revoked?.length)
    list.revokedCertificates = options.revoked.map(
      (serial) =>
        new RevokedCertificate({
          userCertificate: bytes(
            Buffer.from(serial.padStart(serial.length + (serial.length % 2), '0'), 'hex'),
          ),
          revocationDate: new Time(thisUpdate),
          ...(unknown?.of === 'entries' && { crlEntryExtensions: added('entries') }),
        }),
    )
  const der = signed(list, key, options.pss ? 'pss' : hash, (signature) =>
    AsnConvert.serialize(
      new CertificateList({
        tbsCertList: list,
        signatureAlgorithm: options.outerHash ? signatureAlgorithm(key, options.outerHash) : algorithm,
        signature,
      }),
    ),
  )
  return pem('X509 CRL', der)
}

function partial({ issuingPoint: point, deltaSince }: ForgeCrlOptions): Extension[] {
  const found: Extension[] = []
  if (point) {
    const fullName = point.uri && [new GeneralName({ uniformResourceIdentifier: point.uri })]
    const value = new IssuingDistributionPoint({
      ...(fullName && { distributionPoint: new DistributionPointName({ fullName }) }),
      onlyContainsUserCerts: point.only === 'user',
      onlyContainsCACerts: point.only === 'ca',
      onlyContainsAttributeCerts: point.only === 'attribute',
      indirectCRL: point.indirect ?? false,
      ...(point.someReasons && { onlySomeReasons: new Reason(ReasonFlags.keyCompromise) }),
    })
    found.push(extension(id_ce_issuingDistributionPoint, value, point.critical ?? true))
  }
  if (deltaSince)
    found.push(
      new Extension({
        extnID: id_ce_deltaCRLIndicator,
        critical: deltaSince.critical,
        extnValue: new OctetString([2, 1, deltaSince.number]),
      }),
    )
  return found
}

export interface ForgedSet {
  ca?: Forged
  server?: Forged
  client?: Forged
  /** PEM. */
  crl?: string
}

/** Writes the usual plain files: `ca.crt`, `server.crt`, `server.key`, `client.crt`, `client.key`, `ca.crl`. */
export async function writeSet(dir: string, set: ForgedSet): Promise<void> {
  await mkdir(dir, { recursive: true })
  const write = (name: string, text: string | undefined, mode: number) =>
    text === undefined ? undefined : writeFile(join(dir, name), text, { mode })
  await Promise.all([
    write('ca.crt', set.ca?.cert, 0o644),
    write('server.crt', set.server?.cert, 0o644),
    write('server.key', set.server?.key, 0o600),
    write('client.crt', set.client?.cert, 0o644),
    write('client.key', set.client?.key, 0o600),
    write('ca.crl', set.crl, 0o644),
  ])
}

function extensions(options: ForgeOptions, key: KeyObject, keyId: ArrayBuffer): Extensions {
  const isCa = options.isCa ?? false
  const leafUsage: KeyUsageName[] =
    key.asymmetricKeyType === 'rsa' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature']
  const keyUsage = options.keyUsage ?? (isCa ? ['keyCertSign', 'cRLSign'] : leafUsage)
  const usages = extendedKeyUsage(options.usage ?? (isCa ? 'none' : 'client'))
  const names = subjectNames(options)
  const all = [
    extension(
      id_ce_basicConstraints,
      new BasicConstraints({
        cA: isCa,
        ...(options.pathLength === undefined ? {} : { pathLenConstraint: options.pathLength }),
      }),
      true,
    ),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId)),
  ]
  if (options.issuer)
    all.push(extension(id_ce_authorityKeyIdentifier, authorityKeyIdentifier(options.issuer.keyId)))
  if (keyUsage.length > 0) {
    const flags = keyUsage.reduce((bits, name) => bits | KeyUsageFlags[name], 0)
    all.push(extension(id_ce_keyUsage, new KeyUsage(flags as KeyUsageFlags), true))
  }
  if (usages.length > 0) all.push(extension(id_ce_extKeyUsage, new ExtendedKeyUsage(usages)))
  if (names.length > 0) all.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(names)))
  if (options.nameConstraints) {
    const { permitted = [], excluded = [] } = options.nameConstraints
    const value = new NameConstraints({
      ...(permitted.length > 0 && { permittedSubtrees: new GeneralSubtrees(permitted.map(subtree)) }),
      ...(excluded.length > 0 && { excludedSubtrees: new GeneralSubtrees(excluded.map(subtree)) }),
    })
    all.push(extension(id_ce_nameConstraints, value, true))
  }
  if (options.crlPoints)
    all.push(
      extension(
        id_ce_cRLDistributionPoints,
        new CRLDistributionPoints([
          new DistributionPoint({
            distributionPoint: new DistributionPointName({
              fullName: options.crlPoints.map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
            }),
          }),
        ]),
      ),
    )
  if (options.criticalUnknown) all.push(unknownExtension(true))
  if (options.extra) {
    const { id: extnID, value, critical = false } = options.extra
    all.push(new Extension({ extnID, critical, extnValue: new OctetString(value) }))
  }
  return new Extensions(all)
}

function unknownExtension(critical: boolean): Extension {
  return new Extension({ extnID: '1.2.3.4.5', critical, extnValue: new OctetString([5, 0]) })
}

function subtree({ dns, email, uri, ip, directory, registeredId }: ForgedSubtree): GeneralSubtree {
  const base = new GeneralName({
    ...(dns !== undefined && { dNSName: dns }),
    ...(email !== undefined && { rfc822Name: email }),
    ...(uri !== undefined && { uniformResourceIdentifier: uri }),
    ...(ip !== undefined && { iPAddress: ip }),
    ...(directory && { directoryName: distinguishedName({ commonName: '', ...directory }) }),
    ...(registeredId !== undefined && { registeredID: registeredId }),
  })
  return new GeneralSubtree({ base })
}

function extendedKeyUsage(usage: NonNullable<ForgeOptions['usage']>): string[] {
  if (Array.isArray(usage)) return usage
  const server = '1.3.6.1.5.5.7.3.1'
  const client = '1.3.6.1.5.5.7.3.2'
  return { server: [server], client: [client], both: [server, client], none: [] }[usage]
}

function subjectNames(options: ForgeOptions): GeneralName[] {
  const { dns, ip, uri = [], email = [] } = options
  const local = !dns && !ip && (options.usage === 'server' || options.usage === 'both')
  return [
    ...(dns ?? (local ? ['localhost'] : [])).map((dNSName) => new GeneralName({ dNSName })),
    ...(ip ?? (local ? ['127.0.0.1', '::1'] : [])).map((iPAddress) => new GeneralName({ iPAddress })),
    ...uri.map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
    ...email.map((rfc822Name) => new GeneralName({ rfc822Name })),
  ]
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })
}

function authorityKeyIdentifier(keyId: ArrayBuffer): AuthorityKeyIdentifier {
  return new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId) })
}

function distinguishedName({ commonName = 'forged', organization, attributes = [] }: ForgeOptions): Name {
  const parts = [
    ...(organization ? [['2.5.4.10', organization] as const] : []),
    ...attributes,
    ...(commonName ? [['2.5.4.3', commonName] as const] : []),
  ]
  return new Name(
    parts.map(
      ([type, utf8String]) =>
        new RelativeDistinguishedName([
          new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) }),
        ]),
    ),
  )
}

const generate = promisify(generateKeyPair)
const curves = {
  'ec-p224': 'secp224r1',
  'ec-p256': 'prime256v1',
  'ec-p384': 'secp384r1',
  'ec-p521': 'secp521r1',
} as const

function keyPair(type: ForgedKeyType, modulusLength: number): Promise<KeyPairKeyObjectResult> {
  switch (type) {
    case 'rsa':
      return inTurn(`rsa ${modulusLength}`, () => generate('rsa', { modulusLength }))
    case 'dsa': {
      const divisorLength = modulusLength < 2048 ? 160 : 256
      return inTurn(`dsa ${modulusLength}`, async () =>
        generateKeyPairSync('dsa', { modulusLength, divisorLength }),
      )
    }
    case 'ed25519':
      return generate('ed25519')
    default:
      return generate('ec', { namedCurve: curves[type] })
  }
}

const made = new Map<string, Promise<KeyPairKeyObjectResult>[]>()

/** These keys take up to a second to make: a worker makes six of a kind, and hands them out in turn. */
function inTurn(kind: string, make: () => Promise<KeyPairKeyObjectResult>): Promise<KeyPairKeyObjectResult> {
  const keys = made.get(kind) ?? []
  const next = keys.length < 6 ? make() : (keys.shift() as Promise<KeyPairKeyObjectResult>)
  made.set(kind, [...keys, next])
  return next
}

const signatureOids: Readonly<Record<string, Partial<Record<ForgedHash, string>>>> = {
  rsa: {
    MD5: '1.2.840.113549.1.1.4',
    'SHA-1': '1.2.840.113549.1.1.5',
    'SHA-224': '1.2.840.113549.1.1.14',
    'SHA-256': '1.2.840.113549.1.1.11',
    'SHA-384': '1.2.840.113549.1.1.12',
    'SHA-512': '1.2.840.113549.1.1.13',
  },
  ec: {
    'SHA-1': '1.2.840.10045.4.1',
    'SHA-224': '1.2.840.10045.4.3.1',
    'SHA-256': '1.2.840.10045.4.3.2',
    'SHA-384': '1.2.840.10045.4.3.3',
    'SHA-512': '1.2.840.10045.4.3.4',
  },
  dsa: { 'SHA-1': '1.2.840.10040.4.3', 'SHA-256': '2.16.840.1.101.3.4.3.2' },
}

function signatureAlgorithm(key: KeyObject, hash: ForgedHash): AlgorithmIdentifier {
  const type = key.asymmetricKeyType ?? ''
  if (type === 'ed25519') return new AlgorithmIdentifier({ algorithm: '1.3.101.112' })
  const algorithm = signatureOids[type]?.[hash]
  if (!algorithm) throw new TypeError(`no signature of ${type} with ${hash}`)
  return new AlgorithmIdentifier({ algorithm, ...(type === 'rsa' ? { parameters: null } : {}) })
}

const sha256 = new AlgorithmIdentifier({ algorithm: '2.16.840.1.101.3.4.2.1', parameters: null })
const pssAlgorithm = new AlgorithmIdentifier({
  algorithm: '1.2.840.113549.1.1.10',
  parameters: AsnConvert.serialize(
    new RsaSaPssParams({
      hashAlgorithm: sha256,
      maskGenAlgorithm: new AlgorithmIdentifier({
        algorithm: '1.2.840.113549.1.1.8',
        parameters: AsnConvert.serialize(sha256),
      }),
      saltLength: 32,
    }),
  ),
})

function signed(
  toBeSigned: object,
  key: KeyObject,
  how: ForgedHash | 'pss',
  wrap: (signature: ArrayBuffer) => ArrayBuffer,
): Buffer {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : how === 'pss' ? 'SHA256' : how.replace('-', '')
  const padded = how === 'pss' ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : { key }
  return Buffer.from(wrap(bytes(sign(digest, Buffer.from(AsnConvert.serialize(toBeSigned)), padded))))
}

function bytes(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
