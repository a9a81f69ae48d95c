import { resolve } from 'node:path'
import { type AuditVerification, verificationNotes, verifyAudit } from '../../../audit/index.js'
import { MtlsError } from '../../../errors.js'
import { readSmallFile, Unreadable } from '../../../files/read-file.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeJson, writeLines } from '../../io/output.js'
import { marks, type Paint, painter } from '../../terminal/paint.js'
import { reading, recordFiles } from './record-files.js'

export interface VerifyFlags {
  readonly key?: string
  readonly checkpoint?: string
  readonly json?: boolean
}

export async function verify(named: readonly string[], flags: VerifyFlags, io: Io): Promise<void> {
  const files = recordFiles(named, io)
  const given = {
    ...(flags.key !== undefined && { key: keyText(flags.key, io) }),
    ...(flags.checkpoint !== undefined && { checkpoint: checkpointText(flags.checkpoint, io) }),
  }
  const found = await reading(files, io, (options) => verifyAudit({ files, ...given, ...options }))
  if (flags.json) writeJson(io, found)
  else writeLines(io.stdout, verificationLines(found, io, painter(io)))
  writeLines(
    io.stderr,
    verificationNotes(found).map((note) => `note: ${printable(note)}`),
  )
  io.exitCode = found.ok ? 0 : 1
}

function keyText(given: string, io: Io): string {
  return /^[^\s+]+\+[\da-f]{8}\+[\w+/]+=*$/.test(given) ? given : textOf(given, io)
}

/** Of a file to which checkpoints were added now and then, the last one: it holds for all lines that those before do. */
function checkpointText(given: string, io: Io): string {
  const text = /^\{|\n/.test(given) ? given : textOf(given, io)
  const lines = text.split('\n').filter((line) => line.startsWith('{'))
  return lines.at(-1) ?? text
}

function textOf(named: string, { cwd }: Io): string {
  const path = resolve(cwd, named)
  try {
    return readSmallFile(path).toString()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (!(cause instanceof Unreadable) && code === undefined) throw cause
    const why = cause instanceof Unreadable ? cause.message : `cannot be read (${code})`
    throw new MtlsError('CONFIG_INVALID', `${path} ${code === 'ENOENT' ? 'does not exist' : why}`, {
      hint: 'Name a file that this user may read.',
      cause,
    })
  }
}

/** With --json all of them are told. */
const mostShown = 50

function verificationLines(found: AuditVerification, io: Io, paint: Paint): string[] {
  const { problems, lines, files, checkpoints, unproven_lines: unproven, key } = found
  const level = problems.length > 0 ? 'critical' : key && unproven === 0 ? 'ok' : 'warning'
  const more = problems.length - mostShown
  return [
    ...problems
      .slice(0, mostShown)
      .map(({ file, line, code, message }) =>
        printable(`${shownPath(file, io)}:${line}: ${code}: ${message}`),
      ),
    ...(more > 0 ? [`… and ${more} more (--json lists them)`] : []),
    `${paint(...marks[level])} ${verdictOf(found)}`,
    `  ${counted(lines, 'line')} in ${counted(files.length, 'file')}, ${counted(checkpoints, 'checkpoint')}, ${unproven} unproven`,
    ...(key
      ? [
          `  key ${printable(key.verifier)} (${key.file === null ? 'given' : `from ${printable(shownPath(key.file, io))}`})`,
        ]
      : []),
  ]
}

function verdictOf(found: AuditVerification): string {
  const { problems, lines, first_seq: first, key, unproven_lines: unproven } = found
  if (problems.length > 0)
    return `the record was changed or is damaged: ${counted(problems.length, 'problem')}`
  if (!key) return 'the lines fit together, but nothing is proven: there is no public key'
  if (unproven === lines) return 'the lines fit together, but there is no checkpoint that proves them'
  const from = first !== null && first > 1 ? ` from line ${first} on` : ''
  return `the record is whole${from}${unproven === 0 ? '' : ' up to the last checkpoint'}`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
