// The result for people, on a terminal.
import { table } from '../../dist/cli/terminal/table.js'
import { busyShare } from '../../dist/perf/machine-load.js'

/** @typedef {import('./suite.mjs').Result} Result */

/** What must be said before anything else, if others were at work. @param {Result['environment']} environment */
export function busyLine({ share_of_others: share, load_average_before: load, cores }) {
  if (share !== null && share > busyShare)
    return `The machine was busy: other processes took ${Math.round(share * 100)} % of its CPU. Rates and times look worse than they are, and ratios spread more.`
  return share === null && load > cores / 2
    ? `The machine was busy before: load ${load} on ${cores} cores.`
    : ''
}

/** @param {Result['environment']} environment */
export const machineLine = ({ version, node, openssl, platform, cores, cpu, date, seconds }) =>
  `mcp-mtls ${version}, Node ${node}, OpenSSL ${openssl}, ${platform}, ${cores} × ${cpu}; ${date.slice(0, 10)}, measured for ${seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`}`

/** A number with as many digits as are of use. @param {number} value */
export const shown = (value) =>
  value.toLocaleString('en', {
    maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0,
  })

/** @param {{ unit: string }} of @param {number} value */
export const withUnit = ({ unit }, value) => (unit === '×' ? `× ${shown(value)}` : `${shown(value)} ${unit}`)

/** @param {Result} result */
export function lines({ environment, failures, targets, figures }) {
  const busy = busyLine(environment)
  const verdicts = [
    ['target', 'at most', 'median', 'quartiles', '95 % of the median', 'rounds', ''],
    ...targets.map((one) => [
      one.what,
      one.at_most === null ? '–' : withUnit(one, one.at_most),
      withUnit(one, one.median),
      `${shown(one.lower_quartile)} … ${shown(one.upper_quartile)}`,
      one.interval ? one.interval.map(shown).join(' … ') : '–',
      String(one.rounds),
      one.verdict,
    ]),
  ]
  const rows = [
    ['part', 'figure', 'of', 'at', 'median', 'quartiles'],
    ...figures.map((one) => [
      one.part,
      one.figure,
      one.of,
      one.at,
      withUnit(one, one.median),
      `${shown(one.lower_quartile)} … ${shown(one.upper_quartile)}`,
    ]),
  ]
  return [
    ...(busy ? [busy] : []),
    machineLine(environment),
    ...failures.map(({ part, message }) => `FAILED ${part}: ${message}`),
    '',
    ...table(verdicts, 1),
    '',
    ...table(rows, 4),
  ]
}

/** One row on each line: what changes from run to run can be read in a diff. @param {Result} result */
export function json(result) {
  const members = Object.entries(result).map(([name, value]) => {
    const rows = Array.isArray(value) && value.map((row) => `\n    ${JSON.stringify(row)}`)
    const text = rows ? `[${rows.join(',')}${rows.length > 0 ? '\n  ' : ''}]` : JSON.stringify(value)
    return `  ${JSON.stringify(name)}: ${text}`
  })
  return `{\n${members.join(',\n')}\n}\n`
}
