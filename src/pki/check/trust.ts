import { dirname, join } from 'node:path'
import {
  type BoundAuthorities,
  bindTrustDomains,
  noTrustDomains,
  type TrustDomains,
} from '../../auth/trust-domains.js'
import { MtlsError } from '../../errors.js'
import { isThere } from '../../files/read-file.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { CrlFacts } from '../../x509/crl.js'
import { type CheckFinding, checkFinding } from './check-finding.js'
import { readContents } from './file-content.js'

/** By whom and what certificates are judged. */
export interface Trust {
  /** The file of the CAs; undefined when there is none. */
  readonly path: string | undefined
  readonly roots: readonly CertificateFacts[]
  /** CAs in that file that need another above them: like OpenSSL, we do not end a chain there. */
  readonly intermediates: readonly CertificateFacts[]
  /** Which of them may give which SPIFFE IDs. */
  readonly domains: TrustDomains
  /** Undefined when no list is in use. */
  readonly crls: readonly CrlFacts[] | undefined
  /** What is wrong with these files. */
  readonly findings: readonly CheckFinding[]
}

export interface TrustOptions {
  /** Where a `ca.crt` is looked for, the first one counts. */
  readonly directories: readonly string[]
  /** The file of the CAs, instead. */
  readonly caCert?: string | undefined
  /** The revocation lists, instead of `ca.crl` beside the CAs. */
  readonly crl?: string | undefined
  /** Files of CAs that are trusted too, by the trust domain that they are bound to; none by default. */
  readonly trustDomains?: Readonly<Record<string, string | readonly string[]>> | undefined
}

/** Never throws for what is wrong with the files. */
export async function readTrust(options: TrustOptions): Promise<Trust> {
  const { directories, caCert, crl, trustDomains = {} } = options
  const path = caCert ?? (await firstThatExists(directories.map((directory) => join(directory, 'ca.crt'))))
  const crlPath = crl ?? (path && (await firstThatExists([join(dirname(path), 'ca.crl')])))
  const [authorities, lists] = await Promise.all(
    [path, crlPath].map(async (file) => (file === undefined ? undefined : (await readContents([file]))[0])),
  )
  const bound = await Promise.all(
    Object.entries(trustDomains).flatMap(([domain, files]) =>
      [files].flat().map(async (file) => ({ domain, path: file, content: (await readContents([file]))[0] })),
    ),
  )
  const ofDomains = bound.map(({ domain, path, content }): BoundAuthorities => {
    return { domain, path, certificates: content?.certificates ?? [] }
  })
  const all = [authorities?.certificates ?? [], ...ofDomains.map((one) => one.certificates)].flat()
  const certificates = [...new Map(all.map((one) => [one.fingerprint256, one])).values()]
  const { domains, problems } = domainsOf(certificates, ofDomains)
  return {
    path: path ?? ofDomains[0]?.path,
    roots: certificates.filter(({ selfIssued }) => selfIssued),
    intermediates: certificates.filter(({ selfIssued }) => !selfIssued),
    domains,
    crls: lists?.crls,
    findings: [authorities, lists, ...bound.map(({ content }) => content)]
      .flatMap((content) => content?.findings ?? [])
      .concat(problems),
  }
}

function domainsOf(
  certificates: readonly CertificateFacts[],
  bySetting: readonly BoundAuthorities[],
): { readonly domains: TrustDomains; readonly problems: readonly CheckFinding[] } {
  try {
    const domains = bindTrustDomains(
      certificates.filter(({ isCa }) => isCa),
      bySetting,
    )
    return { domains, problems: [] }
  } catch (error) {
    if (!(error instanceof MtlsError)) throw error
    return { domains: noTrustDomains, problems: [checkFinding(error.code, error.message, error.hint)] }
  }
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isThere(path)) return path
  return undefined
}
