import { levelOfFindings } from '../../../monitor/certificate-level.js'
import type { Level } from '../../../monitor/snapshot.js'
import type { Checked } from '../../../pki/index.js'
import type { CheckedEndpoint } from '../../../probe/connect/check-endpoint.js'
import { daysLeft, timeText } from '../../../text/duration.js'
import { shortened } from '../../../text/shortened.js'
import { namesOf } from '../../../x509/subject-names.js'
import type { Io } from '../../io/io.js'
import { day, printable, shownPath } from '../../io/output.js'
import { marks, type Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'

/** The worst level found. */
export function levelOfAll(all: readonly Checked[]): Level {
  return levelOfFindings(all.flatMap(({ problems }) => problems))
}

/** One entry of `cert-check --json`. */
export function checkedJson(checked: CheckedEndpoint, now: Date): Record<string, unknown> {
  const { path, type, certificate, crl, trustDomain, connection, problems } = checked
  const end = endOf(checked)
  return {
    path,
    type,
    subject: certificate?.subject ?? null,
    issuer: certificate?.issuer ?? crl?.issuer ?? null,
    serial: certificate?.serial ?? null,
    names: namesIn(checked),
    not_before: (certificate?.notBefore ?? crl?.thisUpdate)?.toISOString() ?? null,
    not_after: end?.toISOString() ?? null,
    days_left: end ? daysLeft(end, now) : null,
    key: certificate?.key.text ?? null,
    ...(trustDomain !== undefined && { trust_domain: trustDomain }),
    ...(connection && {
      tls: {
        version: connection.negotiated.tlsVersion,
        cipher: connection.negotiated.cipherSuite,
        key_exchange: connection.negotiated.keyExchange ?? null,
        client_certificate_requested: connection.clientCertificateRequested,
      },
    }),
    problems,
  }
}

/** One row each, with its problems below. */
export function checkedLines(
  all: readonly CheckedEndpoint[],
  { now, io, paint }: { readonly now: Date; readonly io: Io; readonly paint: Paint },
): string[] {
  const rows = table(
    all.map((checked) => [
      paint(...marks[levelOfFindings(checked.problems)]),
      shownName(checked, io),
      checked.type,
      checked.certificate?.key.text ?? '',
      lifeOf(checked, now),
      shortened(
        printable(shownNames(checked) || (checked.certificate?.subject ?? checked.crl?.issuer ?? '')),
        60,
      ),
    ]),
  )
  return rows.flatMap((row, index) => {
    const { connection, problems = [] } = all[index] ?? {}
    return [
      row,
      ...(connection ? [`    ${connectionText(connection)}`] : []),
      ...problems.flatMap(({ code, message, hint }) => [
        `    ${code}: ${printable(message)}`,
        `    hint: ${printable(hint)}`,
      ]),
    ]
  })
}

/** A one-line summary. */
export function summaryLine(all: readonly Checked[], withinDays: number | undefined, paint: Paint): string {
  const levels = all.map(({ problems }) => levelOfFindings(problems))
  const broken = levels.filter((level) => level === 'critical').length
  const warned = levels.filter((level) => level === 'warning').length
  if (broken + warned === 0) {
    const soon = withinDays === undefined ? 'soon' : `within ${withinDays} days`
    return paint('green', `healthy: nothing ends ${soon}`)
  }
  const parts = [
    ...(broken > 0 ? [`${broken} broken or expired`] : []),
    ...(warned > 0 ? [`${warned} to renew soon`] : []),
  ]
  return paint(broken > 0 ? 'red' : 'yellow', `not healthy: ${parts.join(', ')}, of ${all.length}`)
}

/** A file name as it would be typed, or a URL. */
export function shownName({ path }: Checked, io: Io): string {
  return printable(path.includes('://') ? path : shownPath(path, io))
}

function lifeOf(checked: Checked, now: Date): string {
  const end = endOf(checked)
  if (!end) return ''
  return end < now ? `expired ${day(end)}` : `until ${day(end)}, ${timeText(end.getTime() - now.getTime())}`
}

function connectionText({
  negotiated,
  clientCertificateRequested,
}: NonNullable<CheckedEndpoint['connection']>): string {
  const { tlsVersion, cipherSuite, keyExchange } = negotiated
  const asked = clientCertificateRequested
    ? 'asks for a client certificate'
    : 'asks for no client certificate'
  return [tlsVersion, cipherSuite, keyExchange, asked].filter(Boolean).join(', ')
}

function endOf({ certificate, crl }: Checked): Date | undefined {
  return certificate?.notAfter ?? crl?.nextUpdate
}

/** With the trust domain of a CA that a setting binds to it. */
function shownNames(checked: Checked): string {
  const own = `spiffe://${checked.trustDomain}`
  const names = namesIn(checked)
  const isSaid = checked.trustDomain === undefined || names.includes(own)
  return [...names, ...(isSaid ? [] : [`for ${own}`])].join(', ')
}

function namesIn({ certificate }: Checked): string[] {
  return certificate ? namesOf(certificate.names) : []
}
