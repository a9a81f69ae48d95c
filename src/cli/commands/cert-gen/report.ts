import { basename } from 'node:path'
import type { CertificateEntry, CertificateSet } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, writeJson, writeLines } from '../../io/output.js'
import { table } from '../../terminal/table.js'

interface ReportOptions {
  readonly json?: boolean | undefined
  /** The commands to type next. */
  readonly next: string
}

/** Lists the files that now exist, and any warnings. */
export function reportSet(set: CertificateSet, io: Io, { json, next }: ReportOptions): void {
  writeLines(io.stderr, notices(set, io))
  if (json) return writeJson(io, jsonOf(set))
  const rows = set.entries.map((entry) => [
    shownPath(entry.path, io),
    basename(entry.keyPath),
    entry.isNew ? 'new' : 'kept',
    namesOf(entry).join(', ') || entry.facts.subject,
    `until ${day(entry.facts.notAfter)}`,
  ])
  writeLines(io.stdout, [...table(rows), '', `next: ${next}`])
}

function jsonOf({ certDir, entries }: CertificateSet) {
  return {
    cert_dir: certDir,
    files: entries.map((entry) => ({
      path: entry.path,
      key_path: entry.keyPath,
      type: entry.type,
      subject: entry.facts.subject,
      names: namesOf(entry),
      serial: entry.facts.serial,
      not_after: entry.facts.notAfter.toISOString(),
      created: entry.isNew,
    })),
  }
}

function notices({ entries, replacedCa, orphaned, previous }: CertificateSet, io: Io): string[] {
  const now = new Date()
  return [
    ...(entries.some(({ isNew }) => isNew)
      ? []
      : ['nothing to do: everything is there already (--force replaces it)']),
    ...(replacedCa
      ? [
          'warning: the CA was replaced: what trusts the old one will refuse the new certificates, and the other way round',
        ]
      : []),
    ...orphaned.map(
      (path) => `warning: ${shownPath(path, io)} is from the old CA: issue it anew with --force`,
    ),
    ...entries
      .filter(({ facts }) => facts.notAfter < now)
      .map(
        ({ path, facts }) =>
          `warning: ${shownPath(path, io)} expired on ${day(facts.notAfter)}; --force replaces it`,
      ),
    ...(previous === undefined ? [] : [`the files of before are kept in ${shownPath(previous, io)}`]),
  ]
}

function namesOf({ facts: { names } }: CertificateEntry): string[] {
  return [...names.dns, ...names.ip, ...names.email, ...names.uri]
}
