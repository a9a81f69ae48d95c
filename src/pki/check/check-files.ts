import { dirname, extname } from 'node:path'
import { MtlsError } from '../../errors.js'
import { dateFault } from '../../judge/dates.js'
import { shellPath } from '../../text/shell-word.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { readPrivateKey } from '../../x509/private-key.js'
import type { LeafType } from '../certificate/request.js'
import { type CheckOptions, check } from './check.js'
import { checkCrl } from './check-crl.js'
import { type FileContent, readContents } from './file-content.js'
import { findFiles, stemOf } from './find-files.js'
import { type Problem, problem } from './finding.js'
import { keysOf, ownKeyAt } from './key-pairs.js'
import { readTrust, type Trust } from './trust.js'

/** What was found out about one certificate, revocation list, or file. */
export interface Checked {
  /** Of the file, or the URL of an endpoint. */
  readonly path: string
  readonly type: LeafType | 'ca' | 'crl' | 'key' | 'directory' | 'unknown'
  readonly certificate?: CertificateFacts
  readonly crl?: CrlFacts
  readonly problems: readonly Problem[]
}

export interface CheckFilesOptions
  extends Pick<CheckOptions, 'passphrase' | 'withinDays' | 'demoMode' | 'crlMissingAllowed' | 'now'> {
  readonly caCert?: string | undefined
  readonly crl?: string | undefined
  /** Where a `ca.crt` is looked for when there is none beside a file. */
  readonly directories?: readonly string[]
}

/**
 * Judges files and directories of certificates, keys and revocation lists: a key with the certificate of the same
 * name or the one it belongs to, a chain with the CAs beside it. What is wrong with a file is a problem in
 * the answer; nothing is thrown for it, and nothing of a key is in it.
 */
export async function checkFiles(
  paths: readonly string[],
  options: CheckFilesOptions = {},
): Promise<readonly Checked[]> {
  const found = await Promise.all(paths.map(findFiles))
  const contents = await readContents([...new Set(found.flatMap(({ files }) => files))])
  const trusts = new Map<string, Promise<Trust>>()
  const trustOf = (directory: string) => {
    const { caCert, crl, directories = [] } = options
    const trust =
      trusts.get(directory) ?? readTrust({ caCert, crl, directories: [directory, ...directories] })
    trusts.set(directory, trust)
    return trust
  }
  const keys = keysOf(contents, options.passphrase, paths)
  const authorities = contents.flatMap(({ certificates }) => certificates).filter(({ isCa }) => isCa)
  const rows = await Promise.all(
    contents.map(async (file) => judge(file, keys, authorities, await trustOf(dirname(file.path)), options)),
  )
  const directories = found.flatMap(({ problems }, index): Checked[] =>
    problems.length > 0 ? [{ path: paths[index] ?? '', type: 'directory', problems }] : [],
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
  const { path, certificates, crls, privateKey, problems } = file
  if (problems.length > 0) return [{ path, type: typeOfName(path), problems }]
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
    ...(lone ? [{ path, type: 'key' as const, problems: loneKeyProblems(file, options.passphrase) }] : []),
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
  const found = check(certificate, {
    ...options,
    keyPath: key?.path,
    trusted: isRoot ? [certificate] : unjudged ? undefined : trust.roots,
    chain: [...certificates, ...trust.intermediates],
    crls: trust.crls,
  })
  return {
    path,
    type,
    certificate,
    problems: [
      // A passphrase is needed to issue, not to look on.
      ...found.filter(
        ({ code }) =>
          !(type === 'ca' && code === 'KEY_ENCRYPTED') && !(isLeftOver && code === 'CERT_EXPIRED'),
      ),
      ...(isRoot ? [] : trust.problems),
      ...(unjudged ? [problem('CERT_NOT_FOUND', `no CA certificate to judge ${path} by`, noTrustHint)] : []),
      ...(key ? keyModeProblems(key) : []),
    ],
  }
}

const noTrustHint =
  'Put the ca.crt of its CA beside it, or name that with --ca-cert; --demo-mode accepts unknown issuers.'

function keyModeProblems({ path, exposure }: FileContent): Problem[] {
  if (exposure === undefined) return []
  return [
    problem(
      'FILE_MODE',
      exposure,
      `Keep it to its owner, and to a group that may read it: \`chmod g-w,o-rwx ${shellPath(path)}\`.`,
    ),
  ]
}

function loneKeyProblems(file: FileContent, passphrase: string | undefined): Problem[] {
  const found = keyModeProblems(file)
  try {
    readPrivateKey(file.privateKey ?? '', file.path, passphrase)
    return found
  } catch (error) {
    if (!(error instanceof MtlsError)) throw error
    return [problem(error.code, error.message, error.hint), ...found]
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
