import type { CertificateStatus, Level, ServerStatus, Snapshot } from '../../../monitor/snapshot.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath } from '../../io/output.js'
import { marks, type Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'

const summaries: Readonly<Record<Level, string>> = {
  ok: 'all well',
  warning: 'something needs attention soon',
  critical: 'something is down or broken',
}

/** The result of one check: servers, then certificates, each with its problems below. */
export function snapshotLines({ level, servers, certificates }: Snapshot, io: Io, paint: Paint): string[] {
  const mark = (of: Level) => paint(...marks[of])
  const serverRows = table(servers.map((server) => [mark(server.level), ...serverCells(server)]))
  const certificateRows = table(
    certificates.map((certificate) => [mark(certificate.level), ...certificateCells(certificate, io)]),
  )
  return [
    ...serverRows.flatMap((row, index) => [row, ...problemLines([servers[index]?.problem])]),
    ...certificateRows.flatMap((row, index) => [row, ...problemLines(certificates[index]?.problems ?? [])]),
    paint(marks[level][0], summaries[level]),
  ]
}

function serverCells({ name, url, state, latency_ms, tls, identity }: ServerStatus): string[] {
  const facts = tls ? [tls.version, tls.cipher, tls.key_exchange, identity?.id] : []
  return [
    name,
    url,
    state,
    latency_ms === null ? '' : `${latency_ms} ms`,
    facts.filter(Boolean).join(' '),
  ].map(printable)
}

function certificateCells({ type, subject, days_left, places }: CertificateStatus, io: Io): string[] {
  const [first = '', ...others] = places
  const place = first.includes('://') ? first : shownPath(first, io)
  const days = days_left === null ? '' : `${days_left} ${days_left === 1 ? 'day' : 'days'} left`
  return [
    subject === first ? '' : subject,
    type,
    days,
    others.length > 0 ? `${place} and ${others.length} more` : place,
  ].map(printable)
}

type Problem = ServerStatus['problem'] | undefined

function problemLines(problems: readonly Problem[]): string[] {
  return problems.flatMap((problem) =>
    problem
      ? [`    ${problem.code}: ${printable(problem.message)}`, `    hint: ${printable(problem.hint)}`]
      : [],
  )
}
