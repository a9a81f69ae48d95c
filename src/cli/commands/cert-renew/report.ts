import type { CaOptions, Renewable, Renewal } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, writeJson, writeLines } from '../../io/output.js'
import { typedCommand } from '../../options/directories.js'
import { table } from '../../terminal/table.js'

interface ReportOptions {
  readonly json: boolean
  readonly dryRun: boolean
  /** Where it was done. */
  readonly place: CaOptions
}

/** Reports what was renewed, what was not and why, and the next steps. */
export function reportRenewal(renewal: Renewal, io: Io, { json, dryRun, place }: ReportOptions): void {
  const { certificates, lists, changed, endingCa, nextDue } = renewal
  if (endingCa)
    writeLines(io.stderr, [
      `warning: the CA ${endingCa.subject} ends on ${day(endingCa.notAfter)}, and what it issues ends with it`,
      `hint: Change to a new one with \`${typedCommand('cert-rotate-ca', place, io)}\`.`,
    ])
  if (json) return writeJson(io, { ...jsonOf(renewal), dry_run: dryRun })
  const rows = certificates.map((one) => [shownPath(one.path, io), ...outcome(one, dryRun)])
  const signed = lists.map(({ issuer, nextUpdate }) => [
    'ca.crl',
    dryRun ? 'would be signed anew' : 'signed anew',
    `${issuer}, next before ${day(nextUpdate)}`,
  ])
  const nothing = changed.length === 0 && !certificates.some((one) => one.outcome === 'renewed')
  writeLines(io.stdout, [
    ...table([...rows, ...signed]),
    '',
    nothing
      ? `nothing to do${nextDue ? `: next is due on ${day(nextDue)}` : ''}`
      : `next: ${typedCommand(dryRun ? 'cert-renew' : 'cert-check', place, io)}`,
  ])
}

function outcome(one: Renewable, dryRun: boolean): string[] {
  switch (one.outcome) {
    case 'renewed': {
      const until = one.successor
        ? `until ${day(one.successor.notAfter)}`
        : `until ${day(one.certificate.notAfter)} now`
      return [`${dryRun ? 'would be renewed' : 'renewed'} (${one.reason})`, until]
    }
    case 'kept':
      return ['kept', `until ${day(one.certificate.notAfter)}, due on ${day(one.dueAt)}`]
    case 'left':
      return ['left as it is', one.reason]
  }
}

function jsonOf({ certDir, certificates, lists, changed, endingCa, nextDue }: Renewal) {
  return {
    cert_dir: certDir,
    certificates: certificates.map((one) => ({
      path: one.path,
      subject: one.certificate.subject,
      serial: one.certificate.serial,
      not_after: one.certificate.notAfter.toISOString(),
      outcome: one.outcome,
      ...(one.outcome === 'kept' ? { due_at: one.dueAt.toISOString() } : { reason: one.reason }),
      ...(one.outcome === 'renewed' &&
        one.successor && {
          new_serial: one.successor.serial,
          new_not_after: one.successor.notAfter.toISOString(),
        }),
    })),
    crl: lists.map(({ issuer, nextUpdate }) => ({ issuer, next_update: nextUpdate.toISOString() })),
    changed,
    ending_ca: endingCa ? { subject: endingCa.subject, not_after: endingCa.notAfter.toISOString() } : null,
    next_due: nextDue?.toISOString() ?? null,
  }
}
