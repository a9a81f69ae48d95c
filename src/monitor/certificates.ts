import { type Checked, check, isWarning, type Problem } from '../pki/index.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { dayMs } from '../x509/life.js'
import { levelOfProblems } from './certificate-level.js'
import type { CertificateStatus } from './snapshot.js'

/** More are counted, and not shown. */
const mostShown = 500
const longestText = 400

/** What a server has shown. */
export interface Shown {
  readonly certificate: CertificateFacts
  /** Why we did not accept it. */
  readonly refused: Problem | undefined
}

/** What was found in files, and what servers showed, as one list: what is at several places is in it once. */
export function certificatesOf(
  files: readonly Checked[],
  shown: ReadonlyMap<string, Shown>,
  { withinDays, now }: { readonly withinDays?: number | undefined; readonly now: Date },
): readonly CertificateStatus[] {
  const found = new Map<string, CertificateStatus>()
  for (const checked of files) add(found, statusOf(checked, now))
  for (const [url, { certificate, refused }] of shown) {
    // The connection has judged everything but how long it lasts.
    const problems = refused ? [refused] : check(certificate, { withinDays, now })
    add(found, statusOf({ path: url, type: 'server', certificate, problems }, now))
  }
  const end = ({ not_after }: CertificateStatus) => (not_after === null ? 0 : Date.parse(not_after))
  return [...found.values()].sort((one, other) => end(one) - end(other)).slice(0, mostShown)
}

function add(found: Map<string, CertificateStatus>, status: CertificateStatus): void {
  const before = found.get(status.key)
  if (!before) {
    found.set(status.key, status)
    return
  }
  const problems = worstFirst(unique([...before.problems, ...status.problems]))
  found.set(status.key, {
    ...before,
    places: [...new Set([...before.places, ...status.places])],
    problems,
    level: levelOfProblems(problems),
  })
}

function statusOf({ path, type, certificate, crl, problems }: Checked, now: Date): CertificateStatus {
  const end = certificate?.notAfter ?? crl?.nextUpdate
  const { dns = [], ip = [], email = [], uri = [] } = certificate?.names ?? {}
  return {
    // A certificate is known by its content, whatever else by its place.
    key: certificate?.fingerprint256 ?? `${type} ${path}`,
    type,
    subject: clipped(certificate?.subject ?? crl?.issuer ?? path),
    issuer: clipped(certificate?.issuer ?? crl?.issuer ?? '') || null,
    serial: certificate?.serial ?? null,
    names: [...uri, ...dns, ...ip, ...email].slice(0, 20).map(clipped),
    not_before: (certificate?.notBefore ?? crl?.thisUpdate)?.toISOString() ?? null,
    not_after: end?.toISOString() ?? null,
    days_left: end ? Math.floor((end.getTime() - now.getTime()) / dayMs) : null,
    level: levelOfProblems(problems),
    places: [path],
    problems: worstFirst(problems).map((found) => ({ ...found, message: clipped(found.message) })),
  }
}

/** A name in a certificate may be as long as its author likes. */
function clipped(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text
}

function worstFirst(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((one, other) => Number(isWarning(one)) - Number(isWarning(other)))
}

function unique(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>()
  return problems.filter(({ code, message }) => {
    const text = `${code} ${message}`
    return seen.has(text) ? false : seen.add(text)
  })
}
