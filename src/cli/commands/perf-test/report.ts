import { callRows, connectionRows, type Rows } from '../../../perf/page/tables.js'
import { footnote, kilobytes, machine, measuredCall, noise, verdictOf } from '../../../perf/page/words.js'
import type { PerfResult } from '../../../perf/perf-test.js'
import { printable } from '../../io/output.js'
import type { Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'

/** The result as documented, without the curves, which only a page can show. */
export function perfJson({ environment, handshakes, calls, memory, ratios, expected }: PerfResult) {
  const { plain, full, resumed } = handshakes
  return {
    environment,
    handshake: { full: withoutCurve(full), resumed: withoutCurve(resumed), plain: withoutCurve(plain) },
    calls: calls.map(withoutCurve),
    memory_per_connection_bytes: memory.mtls ?? null,
    http_memory_per_connection_bytes: memory.http ?? null,
    ratios,
    expected,
  }
}

function withoutCurve<Figures extends { readonly curve: unknown }>(figures: Figures | undefined) {
  if (!figures) return null
  const { curve: _drawn, ...rest } = figures
  return rest
}

/** For people. */
export function perfLines(result: PerfResult, paint: Paint): string[] {
  const { environment, memory, expected } = result
  const mark = {
    met: paint('green', '✓'),
    'not met': paint('yellow', '✗'),
    'not measured': paint('dim', '–'),
  }
  const verdicts = table(
    expected.map((one) => [one.what, one.measured ?? '–', `expected ${one.expected}`, verdictOf(one)]),
  )
  return [
    machine(environment),
    printable(measuredCall(environment)),
    '',
    paint('bold', 'A connection with its first answer'),
    ...aligned(connectionRows(result), 1),
    '',
    paint('bold', 'Calls over open connections'),
    ...aligned(callRows(result), 2),
    ...(memory.mtls !== undefined && memory.http !== undefined
      ? [
          '',
          `${paint('bold', 'Memory of an idle connection')}  mTLS ${kilobytes(memory.mtls)}, HTTP ${kilobytes(memory.http)}`,
        ]
      : []),
    '',
    paint('bold', 'What is expected of mTLS'),
    ...expected.map((one, index) => `  ${mark[verdictOf(one)]} ${verdicts[index]}`),
    '',
    ...[noise(environment), footnote].flatMap((line) => (line ? [paint('dim', line)] : [])),
  ]
}

/** The number of leading text columns; the others hold numbers. */
function aligned(rows: Rows, text: number): string[] {
  return table(rows, text).map((line) => `  ${line}`)
}
