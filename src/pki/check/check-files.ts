import { dirname, extname } from 'node:path'
import { MtlsError } from '../../errors.js'
import { dateFault } from '../../judge/dates.js'
import { shellPath } from '../../text/shell-word.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { readPrivateKey } from '../../x509/private-key.js'
import type { LeafType } from '../certificate/request.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireArguments, requireOptions } from '../require-options.js'
import { stemOf } from '../store/stored-file.js'
import { type CheckOptions, checkKinds, findingsOf } from './check.js'
import { checkCrl } from './check-crl.js'
import { type CheckFinding, checkFinding } from './check-finding.js'
import { type FileContent, readContents } from './file-content.js'
import { findFiles } from './find-files.js'
import { keysOf, ownKeyAt } from './key-pairs.js'
import { readTrust, type Trust } from './trust.js'

/** What was found out about one certificate, revocation list, or file. */
export interface Checked {
  /** Of the file, or the URL of an endpoint. */
  readonly path: string
  readonly type: LeafType | 'ca' | 'crl' | 'key' | 'directory' | 'unknown'
  readonly certificate?: CertificateFacts
  readonly crl?: CrlFacts
  /** Of a CA that is trusted: the domain that it is bound to. */
  readonly trustDomain?: string
  /** Called as in the JSON of `cert-check`; empty when all is well. */
  readonly problems: readonly CheckFinding[]
}

export interface CheckFilesOptions
  extends Pick<CheckOptions, 'passphrase' | 'withinDays' | 'demoMode' | 'crlMissingAllowed' | 'now'> {
  /** File of the CAs to judge by; the `ca.crt` beside each file by default. */
  readonly caCert?: string | undefined
  /** File of the revocation lists; the `ca.crl` beside the CAs by default. */
  readonly crl?: string | undefined
  /** Files of CAs that are trusted too, by the trust domain that they are bound to; none by default. */
  readonly trustDomains?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Directories in which a `ca.crt` is looked for when there is none beside a file; none by default. */
  readonly directories?: readonly string[] | undefined
}

const checkFilesKinds = {
  passphrase: checkKinds.passphrase,
  withinDays: checkKinds.withinDays,
  demoMode: checkKinds.demoMode,
  crlMissingAllowed: checkKinds.crlMissingAllowed,
  now: checkKinds.now,
  caCert: kind.path,
  crl: kind.path,
  trustDomains: kind.trustDomains,
  directories: kind.paths,
} satisfies OptionKinds<CheckFilesOptions>

/**
 * Judges files and directories of certificates, keys and revocation lists: a key with the certificate of the same
 * name or the one it belongs to, a chain with the CAs beside it. What is wrong with a file is a finding in
 * the answer; nothing is thrown for it, and nothing of a key is in it.
 */
export async function checkFiles(
  paths: readonly string[],
  options: CheckFilesOptions = {},
): Promise<readonly Checked[]> {
  const call = "checkFiles(['./certs'])"
  requireArguments(kind.paths.fits(paths), 'a list of paths', call)
  requireOptions(options, checkFilesKinds, call)
  const found = await Promise.all(paths.map(findFiles))
  const contents = await readContents([...new Set(found.flatMap(({ files }) => files))])
  const trusts = new Map<string, Promise<Trust>>()
  const trustOf = (directory: string) => {
    const { caCert, crl, trustDomains, directories = [] } = options
    const trust =
      trusts.get(directory) ??
      readTrust({ caCert, crl, trustDomains, directories: [directory, ...directories] })
    trusts.set(directory, trust)
    return trust
  }
  const keys = keysOf(contents, options.passphrase, paths)
  const authorities = contents.flatMap(({ certificates }) => certificates).filter(({ isCa }) => isCa)
  const rows = await Promise.all(
    contents.map(async (file) => judge(file, keys, authorities, await trustOf(dirname(file.path)), options)),
  )
  const directories = found.flatMap(({ findings }, index): Checked[] =>
    findings.length > 0 ? [{ path: paths[index] ?? '', type: 'directory', problems: findings }] : [],
  )
  return [...directories, ...rows.flat()]
}

function judge(
  file: FileContent,
  keys: ReadonlyMap<FileContent, FileContent>,
  authorities: readonly CertificateFacts[],
  trust: Trust,
  options: CheckFilesOptions,
): readonly Checked[] {
  const { path, certificates, crls, privateKey, findings } = file
  if (findings.length > 0) return [{ path, type: typeOfName(path), problems: findings }]
  const key = keys.get(file)
  const keyAt = key ? ownKeyAt(file, key, options.passphrase) : undefined
  const lone = privateKey !== undefined && key === undefined && ![...keys.values()].includes(file)
  return [
    ...certificates.map((certificate, index) =>
      judgeCertificate(certificate, file, trust, {
        ...options,
        type: (index === 0 ? roleOfName(path) : undefined) ?? roleOf(certificate),
        ...(index === keyAt && key ? { privateKey: key.privateKey, key } : {}),
      }),
    ),
    ...crls.map((crl) => ({
      path,
      type: 'crl' as const,
      crl,
      problems: checkCrl(crl, [...trust.roots, ...trust.intermediates, ...authorities], {
        ...options,
        among: [...crls, ...(trust.crls ?? [])],
      }),
    })),
    ...(lone ? [{ path, type: 'key' as const, problems: loneKeyFindings(file, options.passphrase) }] : []),
  ]
}

function judgeCertificate(
  certificate: CertificateFacts,
  { path, certificates }: FileContent,
  trust: Trust,
  options: CheckOptions & { readonly type: LeafType | 'ca'; readonly key?: FileContent },
): Checked {
  const { type, key, demoMode = false, now = new Date() } = options
  const isRoot = type === 'ca' && certificate.selfIssued
  // A root that has ended beside one that counts is left over from a renewal: nothing is broken by it.
  const isLeftOver =
    isRoot && certificates.some((other) => other.isCa && other.selfIssued && !dateFault(other, now))
  const unjudged = !isRoot && !demoMode && trust.path === undefined
  const found = findingsOf(certificate, {
    ...options,
    keyPath: key?.path,
    trusted: isRoot ? [certificate] : unjudged ? undefined : trust.roots,
    chain: [...certificates, ...trust.intermediates],
    crls: trust.crls,
    domains: trust.domains,
  })
  const trustDomain = certificate.isCa ? trust.domains.byKey.get(certificate.keyId) : undefined
  return {
    path,
    type,
    certificate,
    ...(trustDomain !== undefined && { trustDomain }),
    problems: [
      // A passphrase is needed to issue, not to look on.
      ...found.filter(
        ({ code }) =>
          !(type === 'ca' && code === 'KEY_ENCRYPTED') && !(isLeftOver && code === 'CERT_EXPIRED'),
      ),
      ...(isRoot ? [] : trust.findings),
      ...(unjudged
        ? [checkFinding('CERT_NOT_FOUND', `no CA certificate to judge ${path} by`, noTrustHint)]
        : []),
      ...(key ? keyModeFindings(key) : []),
    ],
  }
}

const noTrustHint =
  'Put the ca.crt of its CA beside it, or name that with --ca-cert; --demo-mode accepts unknown issuers.'

function keyModeFindings({ path, exposure }: FileContent): CheckFinding[] {
  if (exposure === undefined) return []
  return [
    checkFinding(
      'FILE_MODE',
      exposure,
      `Keep it to its owner, and to a group that may read it: \`chmod g-w,o-rwx ${shellPath(path)}\`.`,
    ),
  ]
}

function loneKeyFindings(file: FileContent, passphrase: string | undefined): CheckFinding[] {
  const found = keyModeFindings(file)
  try {
    readPrivateKey(file.privateKey ?? '', file.path, passphrase)
    return found
  } catch (error) {
    if (!(error instanceof MtlsError)) throw error
    return [checkFinding(error.code, error.message, error.hint), ...found]
  }
}

const roles: Readonly<Record<string, LeafType | 'ca'>> = { ca: 'ca', server: 'server', client: 'client' }

function roleOfName(path: string): LeafType | 'ca' | undefined {
  return Object.hasOwn(roles, stemOf(path)) ? roles[stemOf(path)] : undefined
}

/** What a certificate says it is for. One without any use is judged by its names. */
function roleOf({ isCa, extendedKeyUsage, names }: CertificateFacts): LeafType | 'ca' {
  if (isCa) return 'ca'
  if (extendedKeyUsage?.includes('serverAuth')) return 'server'
  if (extendedKeyUsage?.includes('clientAuth')) return 'client'
  return names.dns.length + names.ip.length > 0 ? 'server' : 'client'
}

function typeOfName(path: string): Checked['type'] {
  const extension = extname(path).toLowerCase()
  return extension === '.key' ? 'key' : extension === '.crl' ? 'crl' : (roleOfName(path) ?? 'unknown')
}
