import { createHash, randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { SecureContext } from 'node:tls'
import type { Role, TlsConfig } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { exposureOf } from '../../files/exposure.js'
import { CrlSet } from '../../judge/crl-set.js'
import { buildPath, isSelfSigned } from '../../judge/path.js'
import { type CertificateFacts, pemOf } from '../../x509/certificate.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { readCertificates } from '../../x509/pem.js'
import { withoutSuperseded } from '../../x509/revocation.js'
import { coversServerName } from '../../x509/server-name.js'
import { secureContext, type TlsIdentity } from './context.js'
import { readOwnCertificate } from './own-certificate.js'
import { read, readOptional, readPair } from './read-files.js'

/** Everything one side needs to speak TLS, loaded and checked: a value that never changes. */
export interface Material {
  readonly role: Role
  readonly mode: 'strict' | 'demo'
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Our own leaf. */
  readonly certificate: CertificateFacts
  /** Whether it was issued by one of the CAs below; it need not be, a public CA may have issued it. */
  readonly ownIssuer: boolean
  /** The CAs whose certificates we accept; may be empty in demo mode. */
  readonly anchors: readonly CertificateFacts[]
  readonly crls: CrlSet | undefined
  /** Who else may get at our key; undefined when nobody should mind. */
  readonly keyExposure: string | undefined
  /** Changes whenever a file's content changes; tells nothing about the key. */
  readonly version: string
  /** Changes whenever the CAs or the revocation lists change. */
  readonly trustVersion: string
  /** Changes whenever the file of the revocation lists changes. */
  readonly listVersion: string
  /** Goes to `tls.createSecureContext`, nowhere else: it holds the key. */
  readonly identity: TlsIdentity
  /** Under which a server seals session tickets. Other keys with other trust: earlier tickets become invalid. */
  readonly ticketKeys: Buffer
  /** Made of the identity, for every connection. */
  readonly context: SecureContext
}

/** Where material comes from: files today; a workload API or an ACME client could stand here. */
export interface MaterialSource {
  /** What there is now; `previous` itself when nothing has changed. */
  load(previous: Material | undefined): Promise<Material>
  /**
   * `previous` with the revocation lists that there are now, for when `load` fails: who was revoked is not to be served on because a
   * certificate or a CA cannot be read. `previous` itself when the lists are those in use, missing or unsound.
   */
  loadLists(previous: Material): Promise<Material>
  /** The files to watch. */
  readonly paths: readonly string[]
}

/** The files of a config as a source. What `load` throws is listed at `loadMaterial`. */
export function fileSource(config: TlsConfig, role: Role): MaterialSource {
  return {
    load: (previous) => loadMaterial(config, role, previous),
    loadLists: (previous) => loadLists(config, previous),
    paths: [...ownPaths(config, role), config.caCert, crlPath(config)],
  }
}

/** Whether our own certificate speaks for this host name. */
export function coversHost({ certificate }: Material, host: string): boolean {
  return coversServerName(certificate.names, host)
}

function ownPaths(config: TlsConfig, role: Role): readonly [certPath: string, keyPath: string] {
  return role === 'server' ? [config.serverCert, config.serverKey] : [config.clientCert, config.clientKey]
}

/** The list that is looked for when none is configured stands beside the CA's certificate. */
function crlPath({ crl, caCert }: TlsConfig): string {
  return crl ?? join(dirname(caCert), 'ca.crl')
}

/**
 * Reads and checks the files of one side, with OpenSSL too. Throws `CERT_NOT_FOUND`, `CERT_INVALID`, `CERT_EXPIRED`,
 * `CERT_NOT_YET_VALID`, `KEY_MISMATCH` or `KEY_ENCRYPTED`, naming the file. Files that are the same as
 * those of `previous` give `previous`: what is in use goes on when time alone has passed.
 */
export async function loadMaterial(
  config: TlsConfig,
  role: Role,
  previous?: Material,
  now = new Date(),
): Promise<Material> {
  const [certPath, keyPath] = ownPaths(config, role)
  const { certText, keyText } = await readPair(certPath, keyPath)
  const caText = await readOptional(config.caCert, config.demoMode)
  const crlText = await readOptional(
    crlPath(config),
    config.crl === undefined || config.crlMissing === 'allow',
  )
  if (crlText === undefined && previous?.crls && config.crlMissing === 'refuse') {
    throw new MtlsError('CERT_NOT_FOUND', `${crlPath(config)} was there and is gone`, {
      hint: 'Put the revocation list back, or set TLS_CRL_MISSING=allow to go on without one.',
    })
  }
  const version = digest(certText, keyText, caText, crlText)
  if (previous?.version === version) return previous

  const { certificate, chain, key } = readOwnCertificate(
    { certText, keyText, certPath, keyPath, passphrase: config.keyPassphrase },
    role,
    now,
  )
  const anchors = caText === undefined ? [] : readAnchors(caText, config.caCert)
  const ownIssuer = buildPath(certificate, chain, anchors).anchored
  if (previous?.ownIssuer && !ownIssuer) {
    throw new MtlsError(
      'CERT_INVALID',
      `${certPath} was not issued by a CA in ${config.caCert}, as it was before`,
      {
        hint: 'Put the certificate and the CA of one set there.',
      },
    )
  }
  const material = {
    role,
    mode: config.demoMode ? 'demo' : 'strict',
    minVersion: config.minVersion,
    certificate,
    ownIssuer,
    anchors,
    crls:
      crlText === undefined
        ? undefined
        : new CrlSet(readOwnCrls(crlText, config, anchors), config.crlMissing === 'allow'),
    keyExposure: await exposureOf(keyPath),
    version,
    trustVersion: digest(caText, crlText),
    listVersion: digest(crlText),
  } as const
  const identity: TlsIdentity = {
    cert: pemOf([certificate, ...chain]).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
    // An empty list, never undefined: without one Node would trust the public CAs.
    ca: pemOf(anchors),
  }
  return withContext(material, identity, previous)
}

/** OpenSSL must take it. What holds keys is not enumerable: no log, JSON or copy of the material shows them. */
function withContext(
  material: Omit<Material, 'identity' | 'ticketKeys' | 'context'>,
  identity: TlsIdentity,
  previous: Material | undefined,
): Material {
  const isSameTrust = material.trustVersion === previous?.trustVersion
  const ticketKeys = isSameTrust ? previous?.ticketKeys : randomBytes(48)
  const context = secureContext(
    { ...material, identity },
    // Without an id of its own OpenSSL resumes no session of a server that asks for certificates.
    material.role === 'server' ? { ticketKeys, sessionIdContext: 'mcp-mtls' } : {},
  )
  return Object.freeze(
    Object.defineProperties(
      { ...material },
      { identity: { value: identity }, ticketKeys: { value: ticketKeys }, context: { value: context } },
    ),
  ) as Material
}

/** What `MaterialSource.loadLists` says. Beside the new lists those in use go on counting: nobody is let in by this. */
async function loadLists(config: TlsConfig, previous: Material): Promise<Material> {
  const path = crlPath(config)
  try {
    const text = await read(path)
    const listVersion = digest(text)
    if (listVersion === previous.listVersion) return previous
    const lists = [...readOwnCrls(text, config, previous.anchors), ...(previous.crls?.lists ?? [])]
    const distinct = [...new Map(lists.map((list) => [list.pem, list])).values()]
    const counting = withoutSuperseded(distinct, previous.anchors, new Date())
    return withContext(
      {
        ...previous,
        crls: new CrlSet(counting, config.crlMissing === 'allow'),
        // No good files have these: whatever is taken up next is something new.
        version: digest(previous.version, text),
        trustVersion: digest(previous.trustVersion, text),
        listVersion,
      },
      previous.identity,
      previous,
    )
  } catch (error) {
    if (error instanceof MtlsError) return previous
    throw error
  }
}

function digest(...texts: readonly (string | undefined)[]): string {
  return createHash('sha256')
    .update(texts.map((text) => text ?? '').join('\0'))
    .digest('hex')
}

/** Lists of which none is by a CA we trust would refuse everyone: that is a mistake, not a policy. */
function readOwnCrls(
  text: string,
  config: TlsConfig,
  anchors: readonly CertificateFacts[],
): readonly CrlFacts[] {
  const lists = readCrls(text, crlPath(config))
  if (anchors.length > 0 && !lists.some((list) => anchors.some((anchor) => list.isSignedBy(anchor)))) {
    throw new MtlsError(
      'CERT_INVALID',
      `${crlPath(config)} is not a revocation list of a CA in ${config.caCert}`,
    )
  }
  return lists
}

function readAnchors(text: string, path: string): readonly CertificateFacts[] {
  const anchors = readCertificates(text, path)
  const leaf = anchors.find(({ isCa }) => !isCa)
  if (leaf) throw new MtlsError('CERT_INVALID', `${path}: ${leaf.subject} is not a CA certificate`)
  const [first] = anchors
  if (first && !anchors.some(isSelfSigned)) {
    const { subject, issuer, selfIssued } = first
    const [what, hint] = selfIssued
      ? [`${subject} names itself as its issuer, and its signature is not its own`, 'Get that file anew.']
      : [
          `${subject} was issued by ${issuer}, whose certificate is missing`,
          `Add the certificate of ${issuer} to that file.`,
        ]
    throw new MtlsError('CERT_INVALID', `${path} has no root CA in it: ${what}`, { hint })
  }
  return anchors
}
