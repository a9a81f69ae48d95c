import { MtlsError } from '../../errors.js'
import { buildPath } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { readCertificates } from '../../x509/pem.js'
import { privateKeyBlocks, readPrivateKey } from '../../x509/private-key.js'
import * as kind from '../option-kinds.js'
import { requireArguments } from '../require-options.js'
import { type Authority, withKey } from './certificate.js'
import type { PemSource } from './key.js'

/** The certificates of a file, which is read already. */
export interface CertificateFile {
  readonly path: string
  readonly certificates: readonly CertificateFacts[]
}

/**
 * A CA from its files, of whatever maker. A bundle may hold several certificates: the one of the key counts.
 * Throws `CERT_INVALID`, `KEY_ENCRYPTED` or `KEY_MISMATCH`, naming the file.
 */
export function openAuthority(
  certificates: PemSource,
  privateKey: PemSource,
  passphrase?: string,
): Authority {
  const call = "openAuthority({ text, path: 'ca.crt' }, { text, path: 'ca.key' })"
  const fine =
    [certificates, privateKey].every(isPemSource) && (passphrase === undefined || kind.text.fits(passphrase))
  requireArguments(fine, 'two PEM texts, each with its path, and a passphrase where one is needed', call)
  const { text, path } = certificates
  return authorityOf({ path, certificates: readCertificates(text, path) }, privateKey, passphrase)
}

/** A CA from files that are read already. What it throws is listed at `openAuthority`. */
export function authorityOf(
  file: CertificateFile,
  privateKey: PemSource,
  passphrase: string | undefined,
): Authority {
  const key = readPrivateKey(privateKey.text, privateKey.path, passphrase)
  const { path, certificates } = file
  const facts = certificates.find(({ x509 }) => x509.checkPrivateKey(key))
  if (!facts) throw new MtlsError('KEY_MISMATCH', `${privateKey.path} is not the key of ${path}`)
  if (!facts.isCa || facts.keyUsage?.includes('keyCertSign') === false)
    throw new MtlsError('CERT_INVALID', `${path}: ${facts.subject} may not issue certificates`, {
      hint: 'Use the certificate of a CA: basic constraints CA:TRUE, and keyCertSign among its key usage.',
    })
  const [, ...above] = buildPath(facts, certificates, certificates).certificates
  return withKey(facts, key, above)
}

/**
 * The CAs of a directory, the one that issues first: while a rotation is under way both files hold the previous one
 * too. What it throws is listed at `openAuthority`.
 */
export function authoritiesOf(
  file: CertificateFile,
  privateKeys: PemSource,
  passphrase: string | undefined,
): readonly [Authority, ...Authority[]] {
  const [first = privateKeys.text, ...others] = privateKeyBlocks(privateKeys.text)
  const open = (text: string) => authorityOf(file, { text, path: privateKeys.path }, passphrase)
  return [open(first), ...others.map(open)]
}

/** Whether `authority` signed this certificate. */
export function isIssuedBy(certificate: CertificateFacts, authority: CertificateFacts): boolean {
  const [, issuer] = buildPath(certificate, [], [authority]).certificates
  return issuer?.fingerprint256 === authority.fingerprint256
}

function isPemSource(value: unknown): boolean {
  const { text, path } = (value ?? {}) as Partial<PemSource>
  return typeof text === 'string' && typeof path === 'string'
}
