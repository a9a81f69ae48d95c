import { type CheckFinding, isWarning } from '../pki/check/check-finding.js'
import { type Checked, check } from '../pki/index.js'
import { daysLeft } from '../text/duration.js'
import { shortened } from '../text/shortened.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { namesOf } from '../x509/subject-names.js'
import { levelOfFindings } from './certificate-level.js'
import type { CertificateStatus } from './snapshot.js'

/** The number of certificates shown: those that expire first. */
const mostShown = 500
const longestText = 400

/** A certificate that a server has presented. */
export interface PresentedCertificate {
  readonly certificate: CertificateFacts
  /** Why we did not accept it. */
  readonly refused: CheckFinding | undefined
}

/** Certificates in files and from servers, as one list: each appears once, even if found in several places. */
export function certificatesOf(
  files: readonly Checked[],
  presented: ReadonlyMap<string, PresentedCertificate>,
  { withinDays, now }: { readonly withinDays?: number | undefined; readonly now: Date },
): readonly CertificateStatus[] {
  const byServers = Array.from(presented, ([path, { certificate, refused }]): Checked => {
    // The connection has checked everything except how long it remains valid.
    const problems = refused ? [refused] : check(certificate, { withinDays, now })
    return { path, type: 'server', certificate, problems }
  })
  const found = new Map<string, [Checked, ...Checked[]]>()
  for (const checked of [...files, ...byServers]) {
    // A certificate is identified by its content, anything else by its place.
    const key = checked.certificate?.fingerprint256 ?? `${checked.type} ${checked.path}`
    const same = found.get(key)
    if (same) same.push(checked)
    else found.set(key, [checked])
  }
  const end = ({ not_after }: CertificateStatus) => (not_after === null ? 0 : Date.parse(not_after))
  return Array.from(found, ([key, same]) => statusOf(key, same, now))
    .sort((one, other) => end(one) - end(other))
    .slice(0, mostShown)
}

function statusOf(key: string, same: readonly [Checked, ...Checked[]], now: Date): CertificateStatus {
  const [{ type, path, certificate, crl }] = same
  const end = certificate?.notAfter ?? crl?.nextUpdate
  const told = same.flatMap((checked) => checked.problems)
  const problems = worstFirst(unique(told.map((one) => ({ ...one, message: clipped(one.message) }))))
  return {
    key,
    type,
    subject: clipped(certificate?.subject ?? crl?.issuer ?? path),
    issuer: clipped(certificate?.issuer ?? crl?.issuer ?? '') || null,
    serial: certificate?.serial ?? null,
    names: (certificate ? namesOf(certificate.names) : []).slice(0, 20).map(clipped),
    not_before: (certificate?.notBefore ?? crl?.thisUpdate)?.toISOString() ?? null,
    not_after: end?.toISOString() ?? null,
    days_left: end ? daysLeft(end, now) : null,
    level: levelOfFindings(problems),
    places: [...new Set(same.map((checked) => checked.path))],
    problems,
  }
}

/** A name in a certificate may have any length. */
const clipped = (text: string) => shortened(text, longestText)

function worstFirst(problems: readonly CheckFinding[]): readonly CheckFinding[] {
  return [...problems].sort((one, other) => Number(isWarning(one)) - Number(isWarning(other)))
}

function unique(problems: readonly CheckFinding[]): readonly CheckFinding[] {
  const seen = new Set<string>()
  return problems.filter(({ code, message }) => {
    const text = `${code} ${message}`
    return seen.has(text) ? false : seen.add(text)
  })
}
