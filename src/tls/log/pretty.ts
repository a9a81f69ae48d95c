import { styleText } from 'node:util'
import { printable } from '../../text/printable.js'

const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}
const worthALook = [
  'name',
  'peer_address',
  'identity',
  'reason',
  'tls_version',
  'cipher',
  'resumed',
  'duration_ms',
] as const

/**
 * One JSON line of the log for a person at a terminal: time, level, message, and the most useful fields. Text from
 * peers is escaped again: parsing the JSON has undone it.
 */
export function prettyLine(line: string): string {
  const record: Record<string, unknown> = JSON.parse(line)
  const level = levels[Number(record.level)] ?? 'info'
  const fields = worthALook
    .filter((name) => record[name] !== undefined)
    .map((name) => `${name}=${printable(String(record[name]))}`)
  const time = String(record.time ?? '').slice(11, 19)
  const mark = Number(record.level) >= 40 ? styleText('yellow', level.padEnd(5)) : level.padEnd(5)
  return `${styleText('dim', time)} ${mark} ${printable(String(record.msg ?? ''))} ${styleText('dim', fields.join(' '))}\n`
}
