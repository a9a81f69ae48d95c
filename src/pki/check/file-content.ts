import { realpathSync } from 'node:fs'
import { errorCodes, MtlsError } from '../../errors.js'
import { keyExposure } from '../../files/exposure.js'
import { readRegularFileNow, Unreadable } from '../../files/read-file.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import { type CrlFacts, readCrls } from '../../x509/crl.js'
import { otherFormat } from '../../x509/other-format.js'
import { readCertificates } from '../../x509/pem.js'
import { privateKeyBlocks } from '../../x509/private-key.js'
import { type CheckFinding, checkFinding } from './check-finding.js'

/** What one file holds, whatever it is. */
export interface FileContent {
  readonly path: string
  readonly certificates: readonly CertificateFacts[]
  readonly crls: readonly CrlFacts[]
  /** The first private key in it, PEM. */
  readonly privateKey: string | undefined
  /** Who else may get at the key; undefined when nobody should mind. */
  readonly exposure: string | undefined
  /** Why it cannot be read or used. */
  readonly findings: readonly CheckFinding[]
}

/**
 * The contents of these files as they were at one moment: where a link was switched while they were read, as our
 * store, Kubernetes and certbot do, they are read again. Never throws for what is wrong with a file.
 */
export async function readContents(paths: readonly string[]): Promise<readonly FileContent[]> {
  for (let attempt = 1; ; attempt++) {
    const before = resolved(paths)
    const contents: FileContent[] = []
    for (const path of paths) contents.push(await readContent(path))
    if (attempt === 5 || before === resolved(paths)) return contents
  }
}

function resolved(paths: readonly string[]): string {
  return paths.map(realPath).join('\0')
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}

async function readContent(path: string): Promise<FileContent> {
  const nothing = {
    path,
    certificates: [],
    crls: [],
    privateKey: undefined,
    exposure: undefined,
    findings: [],
  }
  try {
    const { bytes, stats } = readBytes(path)
    const content = parse(bytes, path)
    const exposure = content.privateKey === undefined ? undefined : await keyExposure(path, stats.mode)
    return { ...nothing, ...content, exposure }
  } catch (error) {
    if (!(error instanceof MtlsError)) throw error
    // The hint of that code is to run this very check.
    const hint = error.hint === errorCodes.CERT_INVALID ? fileHint : error.hint
    return { ...nothing, findings: [checkFinding(error.code, error.message, hint)] }
  }
}

function readBytes(path: string): ReturnType<typeof readRegularFileNow> {
  try {
    return readRegularFileNow(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (cause instanceof Unreadable) throw unusable(path, cause.message)
    if (code === undefined) throw cause
    throw new MtlsError('CERT_NOT_FOUND', `${path} ${reasons[code] ?? `cannot be read (${code})`}`, {
      ...(code === 'ENOENT' ? {} : { hint: `Let the user of this process read ${path}.` }),
      cause,
    })
  }
}

const fileHint = 'Put a PEM or DER file of a certificate, a key or a revocation list there.'
const holdsNothing = 'holds no certificate, key or revocation list'
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'cannot be read: permission denied',
  ELOOP: 'cannot be read: its links lead in a circle',
}

function parse(bytes: Buffer, path: string): Partial<FileContent> {
  const text = bytes.toString('latin1') // PEM is ASCII
  if (!text.includes('-----BEGIN ')) return parseDer(bytes, text, path)
  const [privateKey] = privateKeyBlocks(text)
  const certificates = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(text)
    ? readCertificates(text, path)
    : []
  const crls = /-----BEGIN (?:X509 )?CRL-----/.test(text) ? readCrls(text, path) : []
  if (certificates.length + crls.length === 0 && privateKey === undefined) throw unusableText(text, path)
  return { certificates, crls, privateKey }
}

function parseDer(bytes: Buffer, text: string, path: string): Partial<FileContent> {
  if (bytes[0] !== 0x30) throw unusableText(text, path) // a SEQUENCE (X.690 section 8.9)
  try {
    return { certificates: [readCertificate(bytes, path)] }
  } catch {
    try {
      return { crls: readCrls(bytes, path) }
    } catch (error) {
      throw otherFormat(text)?.what.startsWith('a certificate') ? error : unusableText(text, path)
    }
  }
}

function unusableText(text: string, path: string): MtlsError {
  const other = otherFormat(text)
  return other
    ? new MtlsError('CERT_INVALID', `${path}: it is ${other.what}`, { hint: other.hint })
    : unusable(path, holdsNothing)
}

function unusable(path: string, what: string): MtlsError {
  return new MtlsError('CERT_INVALID', `${path} ${what}`, { hint: fileHint })
}
