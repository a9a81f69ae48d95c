import { dirname, join } from 'node:path'
import { isThere } from '../../files/read-file.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import type { CheckFinding } from './check-finding.js'
import { readContents } from './file-content.js'

/** By whom and what certificates are judged. */
export interface Trust {
  /** The file of the CAs; undefined when there is none. */
  readonly path: string | undefined
  readonly roots: readonly CertificateFacts[]
  /** CAs in that file that need another above them: like OpenSSL, we do not end a chain there. */
  readonly intermediates: readonly CertificateFacts[]
  /** Undefined when no list is in use. */
  readonly crls: readonly CrlFacts[] | undefined
  /** What is wrong with these two files. */
  readonly findings: readonly CheckFinding[]
}

export interface TrustOptions {
  /** Where a `ca.crt` is looked for, the first one counts. */
  readonly directories: readonly string[]
  /** The file of the CAs, instead. */
  readonly caCert?: string | undefined
  /** The revocation lists, instead of `ca.crl` beside the CAs. */
  readonly crl?: string | undefined
}

/** Never throws for what is wrong with the files. */
export async function readTrust({ directories, caCert, crl }: TrustOptions): Promise<Trust> {
  const path = caCert ?? (await firstThatExists(directories.map((directory) => join(directory, 'ca.crt'))))
  const crlPath = crl ?? (path && (await firstThatExists([join(dirname(path), 'ca.crl')])))
  const [authorities, lists] = await Promise.all(
    [path, crlPath].map(async (file) => (file === undefined ? undefined : (await readContents([file]))[0])),
  )
  const certificates = authorities?.certificates ?? []
  return {
    path,
    roots: certificates.filter(({ selfIssued }) => selfIssued),
    intermediates: certificates.filter(({ selfIssued }) => !selfIssued),
    crls: lists?.crls,
    findings: [...(authorities?.findings ?? []), ...(lists?.findings ?? [])],
  }
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isThere(path)) return path
  return undefined
}
