import { once } from 'node:events'
import { parseSince, type ShownLine, showAudit } from '../../../audit/index.js'
import type { Io } from '../../io/io.js'
import { printable, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { columnsOf, fitted, padded } from '../../terminal/fit.js'
import { type Paint, painter } from '../../terminal/paint.js'
import { recordFiles, tellOthers } from './record-files.js'

export interface ShowFlags {
  readonly identity?: string
  readonly tool?: string
  readonly denied?: boolean
  readonly since?: string
  readonly requestId?: string
  readonly follow?: boolean
  readonly json?: boolean
}

export async function show(named: readonly string[], flags: ShowFlags, io: Io): Promise<void> {
  const { since, json, ...filter } = flags
  const from = since === undefined ? undefined : parseSince(since, new Date())
  const files = recordFiles(named, io)
  await untilSignal(io, async (signal) => {
    const lines = showAudit({ ...filter, files, since: from, signal })
    try {
      const count = await (json ? writeThemselves : writeTable)(lines, io, signal)
      const others = filter.follow ? 0 : await tellOthers(files, io)
      if (count === 0 && !filter.follow && others < files.length)
        writeLines(io.stderr, ['note: no line of the record is like that'])
    } catch (error) {
      if (!(filter.follow && signal.aborted)) throw error
    }
  })
}

type Write = (lines: AsyncIterable<ShownLine>, io: Io, signal: AbortSignal) => Promise<number>

/** Not a byte is changed, not even for secrets: the hash in the next line is that of this one. */
const writeThemselves: Write = async (lines, io, signal) => {
  let count = 0
  for await (const { text } of lines) {
    count++
    gather(io)
    io.stdout.write(`${text}\n`)
    if (io.stdout.writableNeedDrain) await once(io.stdout, 'drain', { signal })
  }
  return count
}

const writeTable: Write = async (lines, io, signal) => {
  const paint = painter(io)
  let count = 0
  for await (const { record } of lines) {
    const columns = columnsOf(io) // a window may be resized meanwhile
    const head = count++ === 0 ? [row(['TIME (UTC)', 'RESULT', 'MS', 'CALL', 'CALLER'], columns)] : []
    gather(io)
    writeLines(io.stdout, [...head, row(cellsOf(record, columns), columns, paint)])
    if (io.stdout.writableNeedDrain) await once(io.stdout, 'drain', { signal })
  }
  return count
}

/** Lines that come at once are written at once: a pipe takes longer for each by itself. */
function gather({ stdout }: Io): void {
  if (stdout.writableCorked > 0) return
  stdout.cork()
  setImmediate(() => stdout.uncork())
}

type Cells = readonly [time: string, result: string, duration: string, call: string, caller: string]

const [timeWidth, resultWidth, durationWidth, between] = [19, 11, 8, 2]

function row([time, result, duration, call, caller]: Cells, columns: number, paint?: Paint): string {
  const left = columns - timeWidth - resultWidth - durationWidth - 4 * between
  const callWidth = Math.min(32, Math.max(12, Math.floor(left * 0.42)))
  const isCut = columns !== Number.POSITIVE_INFINITY
  const callerWidth = Math.max(12, left - callWidth)
  const style = styles[result]
  const mark = padded(isCut ? fitted(result, resultWidth) : result, resultWidth)
  return [
    padded(time, timeWidth),
    style && paint ? paint(style, mark) : mark,
    duration.padStart(durationWidth),
    padded(isCut ? fitted(call, callWidth) : call, callWidth),
    isCut ? fitted(caller, callerWidth) : caller,
  ]
    .join(' '.repeat(between))
    .trimEnd()
}

const styles: Readonly<Record<string, 'red' | 'yellow'>> = {
  denied: 'red',
  refused: 'red',
  limited: 'yellow',
  error: 'yellow',
  tool_error: 'yellow',
  aborted: 'yellow',
  lost: 'red',
  disturbed: 'red',
  recovered: 'yellow',
}

/** What a person wants to see of a line; `--json` shows all of it. */
function cellsOf(record: ShownLine['record'], columns: number): Cells {
  const { event, server, method, tool, target, identity, address, error, count } = record
  const { duration_ms: duration } = record
  const time = shown(record.time).replace('T', ' ').slice(0, timeWidth)
  const caller = shown(identity) || shown(address)
  if (event === 'refused') return [time, 'refused', '', `${shown(error)} ×${shown(count)}`, caller || 'many']
  if (event !== 'call' && event !== 'intent') return [time, shown(event), '', detailsOf(record), '']
  const what = shown(tool) || [method, target].map(shown).filter(Boolean).join(' ')
  // Where there is little room, what was called says more than where.
  const call = columns < 120 ? what : [shown(server), what].filter(Boolean).join(' ')
  const took = typeof duration === 'number' ? duration.toFixed(1) : ''
  return [time, event === 'intent' ? event : resultOf(record), took, call, caller]
}

function resultOf({ decision, outcome, report }: ShownLine['record']): string {
  if (decision === 'allowed') return shown(outcome)
  // Where rules are only tried out, the call went on.
  return report === true && (decision === 'denied' || decision === 'limited')
    ? `would ${decision === 'denied' ? 'deny' : 'limit'}`
    : shown(decision)
}

function detailsOf(record: ShownLine['record']): string {
  return ['continues', 'lost', 'torn_bytes', 'found_seq']
    .filter((name) => record[name] !== undefined && record[name] !== null)
    .map((name) => `${name} ${shown(record[name])}`)
    .join(' ')
}

/** Somebody may have written anything into the file. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? printable(String(value)) : ''
}
