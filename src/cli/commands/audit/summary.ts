import { type AuditSummary, type CallerSummary, summarizeAudit } from '../../../audit/index.js'
import type { Io } from '../../io/io.js'
import { printable, writeJson, writeLines } from '../../io/output.js'
import { columnsOf, fitted, wrapped } from '../../terminal/fit.js'
import { table } from '../../terminal/table.js'
import { reading, recordFiles, tellOthers } from './record-files.js'

export interface SummaryFlags {
  readonly json?: boolean
}

export async function summary(named: readonly string[], { json }: SummaryFlags, io: Io): Promise<void> {
  const files = recordFiles(named, io)
  const found = await reading(files, io, (options) => summarizeAudit(files, options))
  if (json) writeJson(io, found)
  else writeLines(io.stdout, summaryLines(found, columnsOf(io)))
  await tellOthers(files, io)
}

const head = ['CALLER', 'CALLS', 'ALLOWED', 'DENIED', 'LIMITED', 'FAILED', 'P50', 'P99']
/** Beside the caller, as far as the figures are not too large. */
const widthOfFigures = 60

function summaryLines({ calls, refused_connections: refused, callers }: AuditSummary, columns: number) {
  const callerWidth = Math.max(20, columns - widthOfFigures)
  const rows = callers.map((caller) => [fitted(nameOf(caller), callerWidth), ...figuresOf(caller)])
  const [headLine = '', ...lines] = table([head, ...rows], 1)
  return [
    ...(callers.length > 0 ? [headLine] : []),
    ...lines.flatMap((line, index) => [line, ...toolLines(callers[index]?.tools ?? [], columns)]),
    `${counted(calls, 'call')} by ${counted(callers.length, 'caller')}, ${counted(refused, 'refused connection')}`,
  ]
}

function nameOf({ identity }: CallerSummary): string {
  return identity === null ? '(no certificate)' : printable(identity)
}

function figuresOf({ calls, allowed, denied, limited, failed, p50_ms, p99_ms }: CallerSummary): string[] {
  const counts = [calls, allowed, denied, limited, failed].map(String)
  return [...counts, ...[p50_ms, p99_ms].map((ms) => (ms === null ? '–' : String(ms)))]
}

const indent = '  '

function toolLines(tools: readonly string[], columns: number): string[] {
  const names = tools.map((tool) => fitted(printable(tool), columns - indent.length - 1))
  const words = names.map((name, index) => (index < names.length - 1 ? `${name},` : name))
  return wrapped(words, columns - indent.length).map((line) => indent + line)
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
