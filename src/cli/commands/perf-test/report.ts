import { callRows, connectionRows, type Rows } from '../../../perf/page/tables.js'
import { footnote, kilobytes, machine, measuredCall, noise, verdictOf } from '../../../perf/page/words.js'
import type { PerfResult } from '../../../perf/perf-test.js'
import { printable } from '../../io/output.js'
import type { Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'

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

/** So many first columns hold text, the others figures. */
function aligned(rows: Rows, text: number): string[] {
  return table(rows, text).map((line) => `  ${line}`)
}
