import { callRows, connectionRows, type Rows } from '../../../perf/page/tables.js'
import { footnote, kilobytes, machine, measuredCall, measuredText, noise } from '../../../perf/page/words.js'
import type { PerfResult } from '../../../perf/perf-test.js'
import { printable } from '../../io/output.js'
import type { Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'

/** The result as documented, without the curves and rounds, which are there to be drawn and judged. */
export function perfJson({ environment, handshakes, calls, memory, ratios, expected }: PerfResult) {
  const { plain, full, resumed } = handshakes
  return {
    environment,
    handshake: { full: summary(full), resumed: summary(resumed), plain: summary(plain) },
    calls: calls.map(summary),
    memory_per_connection_bytes: memory.mtls ?? null,
    http_memory_per_connection_bytes: memory.http ?? null,
    ratios,
    expected,
  }
}

function summary<Figures extends { readonly curve: unknown; readonly rounds: unknown }>(
  figures: Figures | undefined,
) {
  if (!figures) return null
  const { curve: _drawn, rounds: _judged, ...rest } = figures
  return rest
}

/** For people. */
export function perfLines(result: PerfResult, paint: Paint): string[] {
  const { environment, memory, expected } = result
  const mark = {
    met: paint('green', '✓'),
    'not met': paint('yellow', '✗'),
    inconclusive: paint('yellow', '?'),
    'not measured': paint('dim', '–'),
  }
  const verdicts = table(
    expected.map((one) => [one.what, measuredText(one), `expected ${one.expected}`, one.verdict]),
  )
  const busy = noise(environment)
  return [
    ...(busy ? [paint('yellow', busy)] : []),
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
    ...expected.map((one, index) => `  ${mark[one.verdict]} ${verdicts[index]}`),
    '',
    paint('dim', footnote),
  ]
}

/** The number of leading text columns; the others hold numbers. */
function aligned(rows: Rows, text: number): string[] {
  return table(rows, text).map((line) => `  ${line}`)
}
