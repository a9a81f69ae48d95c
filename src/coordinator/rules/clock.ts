import type { Span } from './text.js'

/** A time of day written in a question; `time` is what `convertTime` takes, undefined when there is no such time. */
export interface ClockTime extends Span {
  readonly text: string
  readonly time: string | undefined
}

const pattern = new RegExp(
  [
    String.raw`(?<iso>\d{4}-\d{2}-\d{2}t\d{2}:\d{2}(?::\d{2})?)`,
    String.raw`(?<named>noon|midday|midnight)`,
    String.raw`(?<hour>\d{1,2})(?:(?:[:.h](?<minute>\d{2})(?!\d)(?::\d{2})?)?\s*(?<half>[ap])\.?m\b\.?|[:.h](?<minute24>\d{2})(?![\d.])(?::\d{2})?|\s*o'?\s?clock)`,
  ]
    .map((part) => `(?:${part})`)
    .join('|'),
  'g',
)

/** Finds `15:00`, `9:30 am`, `3pm`, `3 o'clock`, `noon`, `midnight`, `2026-03-29T02:30` in folded text. */
export function clockTimes(folded: string): ClockTime[] {
  return Array.from(folded.matchAll(pattern), (match) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
    time: timeOf(match.groups ?? {}),
  })).filter(({ start }) => !/[\p{L}\p{N}]/u.test(folded.charAt(start - 1)))
}

function timeOf({
  iso,
  named,
  hour,
  minute,
  half,
  minute24,
}: Record<string, string | undefined>): string | undefined {
  if (iso !== undefined) return iso.toUpperCase()
  if (named !== undefined) return named === 'midnight' ? '00:00' : '12:00'
  const written = Number(hour)
  const minutes = Number(minute ?? minute24 ?? 0)
  if (minutes > 59 || written > 23 || (half !== undefined && (written < 1 || written > 12))) return undefined
  const hours = half === undefined ? written : (written % 12) + (half === 'p' ? 12 : 0)
  return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
}
