import { type Step, type Steps, title } from '../../../probe/diagnose/steps.js'
import { printable } from '../../io/output.js'
import { marks, type Paint } from '../../terminal/paint.js'

/** What `test-tls --json` prints. */
export function stepsJson(url: URL, { ok, all }: Steps) {
  return {
    ok,
    url: url.href,
    steps: all.map(({ durationMs, ...step }) => ({ ...step, duration_ms: durationMs })),
  }
}

interface Audited {
  readonly audit?: boolean
}

/** The width of the longest possible name. */
const widthOf = ({ audit }: Audited) => (audit ? 'refuses resumed strangers' : 'client certificate').length

/** A step that could not run is part of the last line. */
export function stepLines({ name, ok, detail, code, hint }: Step, audited: Audited, paint: Paint): string[] {
  if (code === 'NOT_RUN') return []
  const mark = paint(...marks[ok ? 'ok' : 'critical'])
  const line = `${mark} ${title(name).padEnd(widthOf(audited))}  ${printable(detail)}`
  return ok ? [line] : [line, `    ${code}`, `    hint: ${printable(hint ?? '')}`]
}

/** A summary of one or two lines. */
export function summaryLines({ ok, all }: Steps, paint: Paint): string[] {
  const audited = all.some(({ name }) => name.startsWith('refuses'))
  if (ok)
    return [
      paint('green', `mutual TLS works, both ways${audited ? ', and refuses what it must refuse' : ''}`),
    ]
  const names = (steps: readonly Step[]) => steps.map(({ name }) => title(name)).join(', ')
  const notRun = all.filter(({ code }) => code === 'NOT_RUN')
  const failed = all.filter((step) => !step.ok && !notRun.includes(step))
  return [
    ...(notRun.length > 0 ? [paint('dim', `- not run: ${names(notRun)}`)] : []),
    paint('red', `failed: ${names(failed)}`),
  ]
}
