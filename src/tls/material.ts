import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { type SecureContextOptions } from 'node:tls'
import type { TlsConfig } from '../config/index.js'
import { MtlsError } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { type CrlFacts, readCrls } from '../x509/crl.js'
import { readCertificates } from '../x509/pem.js'
import { coversServerName } from '../x509/server-name.js'
import { CrlSet } from './crl-set.js'

export type Role = 'server' | 'client'

/** Everything one side needs to speak TLS, loaded and checked: a value that never changes. */
export interface Material {
  readonly role: Role
  readonly mode: 'strict' | 'demo'
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Our own leaf. */
  readonly certificate: CertificateFacts
  /** The CAs whose certificates we accept; may be empty in demo mode. */
  readonly anchors: readonly CertificateFacts[]
  readonly crls: CrlSet | undefined
  /** Changes whenever a file's content changes; tells nothing about the key. */
  readonly version: string
  /** Goes to `tls.createSecureContext`, nowhere else: it holds the key. */
  readonly identity: Pick<SecureContextOptions, 'cert' | 'key' | 'passphrase' | 'ca' | 'crl'>
}

/** Where material comes from: files today; a workload API or an ACME client could stand here. */
export interface MaterialSource {
  load(): Promise<Material>
}

/** The files of a config as a source. What `load` throws is listed at `loadMaterial`. */
export function fileSource(config: TlsConfig, role: Role): MaterialSource {
  return { load: () => loadMaterial(config, role) }
}

/** Whether our own certificate speaks for this host name. */
export function coversHost({ certificate }: Material, host: string): boolean {
  return coversServerName(certificate.names, host)
}

/**
 * Reads and checks the files of one side. Throws `CERT_NOT_FOUND`, `CERT_INVALID`, `CERT_EXPIRED`,
 * `CERT_NOT_YET_VALID`, `KEY_MISMATCH` or `KEY_ENCRYPTED`, naming the file.
 */
export async function loadMaterial(config: TlsConfig, role: Role, now = new Date()): Promise<Material> {
  const [certPath, keyPath] =
    role === 'server' ? [config.serverCert, config.serverKey] : [config.clientCert, config.clientKey]
  const { certText, keyText } = await readPair(certPath, keyPath)
  const caText = await readOptional(config.caCert, config.demoMode)
  const crlText = config.crl === undefined ? undefined : await read(config.crl)

  const [certificate, ...chain] = readCertificates(certText, certPath)
  if (!certificate) throw new MtlsError('CERT_INVALID', `${certPath}: no certificate in it`)
  const key = readKey(keyText, keyPath, config.keyPassphrase)
  if (!certificate.x509.checkPrivateKey(key)) {
    throw new MtlsError('KEY_MISMATCH', `${keyPath} is not the key of ${certPath} (${certificate.subject})`)
  }
  checkOwn(certificate, certPath, role, now)

  const anchors = caText === undefined ? [] : readAnchors(caText, config.caCert)
  const lists: readonly CrlFacts[] | undefined =
    crlText === undefined ? undefined : readCrls(crlText, config.crl ?? '')
  return Object.freeze({
    role,
    mode: config.demoMode ? 'demo' : 'strict',
    minVersion: config.minVersion,
    certificate,
    anchors,
    crls: lists && new CrlSet(lists),
    version: createHash('sha256')
      .update([certText, caText ?? '', crlText ?? ''].join('\0'))
      .digest('hex'),
    identity: {
      cert: [certificate, ...chain].map(({ x509 }) => x509.toString()).join(''),
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      // An empty list, never undefined: without one Node would trust the public CAs.
      ca: anchors.map(({ x509 }) => x509.toString()),
      ...(lists && { crl: lists.map(({ pem }) => pem) }),
    },
  })
}

/**
 * A certificate and its key as they were at one moment. Our store, Kubernetes and certbot switch a
 * link, so the resolved paths are compared before and after: a key of one version never meets a
 * certificate of another.
 */
async function readPair(certPath: string, keyPath: string): Promise<{ certText: string; keyText: string }> {
  for (let attempt = 1; ; attempt++) {
    const before = await resolved(certPath, keyPath)
    const [certText, keyText] = await Promise.all([read(certPath), read(keyPath)])
    const after = await resolved(certPath, keyPath)
    if (before === after || attempt === 5) return { certText, keyText }
  }
}

async function resolved(...paths: string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => realpath(path).catch(() => path)))
  return found.join('\0')
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new MtlsError('CERT_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}`, { cause })
  }
}

async function readOptional(path: string, optional: boolean): Promise<string | undefined> {
  try {
    return await read(path)
  } catch (error) {
    if (optional && isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof MtlsError && (error.cause as NodeJS.ErrnoException).code === 'ENOENT'
}

function systemReason(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? 'there is no such file'
    : code === 'EACCES'
      ? 'permission denied'
      : (code ?? 'unknown error')
}

function readKey(text: string, path: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    // The cause is left out on purpose: nothing that has seen the key goes into an error.
    if (/ENCRYPTED/.test(text)) {
      const what =
        passphrase === undefined
          ? 'is encrypted and no passphrase is set'
          : 'does not open with the passphrase that is set'
      throw new MtlsError('KEY_ENCRYPTED', `${path} ${what}`)
    }
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new MtlsError('CERT_INVALID', `${path}: not a readable private key (${code})`, {
      hint: 'A PEM file holds -----BEGIN PRIVATE KEY----- … -----END PRIVATE KEY-----; make a new pair if it is damaged.',
    })
  }
}

function checkOwn(certificate: CertificateFacts, path: string, role: Role, now: Date): void {
  const { notBefore, notAfter, extendedKeyUsage } = certificate
  if (now > notAfter) throw new MtlsError('CERT_EXPIRED', `${path} expired on ${notAfter.toISOString()}`)
  if (now < notBefore)
    throw new MtlsError('CERT_NOT_YET_VALID', `${path} is not valid before ${notBefore.toISOString()}`)
  const wanted = role === 'server' ? 'serverAuth' : 'clientAuth'
  if (extendedKeyUsage && !extendedKeyUsage.includes(wanted)) {
    throw new MtlsError(
      'CERT_INVALID',
      `${path} is for ${extendedKeyUsage.join(', ')}; a ${role} needs ${wanted}`,
      {
        hint: `Use the ${role} certificate here, for example the one from \`mcp-mtls cert-gen\`.`,
      },
    )
  }
}

function readAnchors(text: string, path: string): readonly CertificateFacts[] {
  const anchors = readCertificates(text, path)
  const leaf = anchors.find(({ isCa }) => !isCa)
  if (leaf) throw new MtlsError('CERT_INVALID', `${path}: ${leaf.subject} is not a CA certificate`)
  return anchors
}
