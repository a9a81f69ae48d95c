// npm run bench: what ours costs beside bare Node and the stock SDK, in one run and in turns.
import { parseArgs } from 'node:util'
import { keep } from './suite/kept.mjs'
import { parts } from './suite/parts.mjs'
import { measureSuite } from './suite/suite.mjs'
import { json, lines } from './suite/text.mjs'

const help = `Usage: npm run bench -- [options]        (after npm run build)

Measures what ours costs beside bare node:https and the stock SDK, in turns, and holds it against targets. A target is
judged only where the rounds leave no doubt; while one is inconclusive, up to three times as many rounds are measured.

Options:
  --only NAME,…  these parts alone
  --rounds N     at least so many rounds of each part, in blocks with new processes each (default: two blocks)
  --short        little of everything, once: shows that all can be measured, and judges nothing
  --json         print the result as JSON
  --write        keep the result in bench/results/latest.json, with --only in place of these parts alone, and write
                 docs/performance.md from it
  --help

Parts:
${Object.entries(parts)
  .map(([name, { what, rounds }]) => `  ${name.padEnd(13)}  ${what} (${rounds} rounds a block)`)
  .join('\n')}

Example:
  $ npm run bench -- --only calls,handshakes --rounds 40

Ctrl-C ends the run after the part that is being measured; what was measured is shown, and kept with --write.

Exit codes: 0 measured, whatever the verdicts; 1 a call or a part failed; 64 bad usage.
`

const names = Object.keys(parts)
const values = options()
if (values.help) process.stdout.write(help)
else await main()

async function main() {
  const only = values.only?.split(',') ?? names
  const unknown = only.filter((name) => !names.includes(name))
  if (unknown.length > 0) badUsage(`no such part: ${unknown.join(', ')}`)
  if (values.write && values.short) badUsage('--write keeps what was measured, and --short measures little')
  if (values.rounds !== undefined && !/^[1-9]\d{0,3}$/.test(values.rounds))
    badUsage('--rounds takes a whole number from 1 to 9999')
  const stop = new AbortController()
  process.once('SIGINT', () => {
    process.stderr.write('ends after this part; once more ends at once\n')
    stop.abort()
  })
  const result = await measureSuite({
    signal: stop.signal,
    parts: Object.fromEntries(only.flatMap((name) => (parts[name] ? [[name, parts[name]]] : []))),
    leastRounds: values.rounds === undefined ? undefined : Number(values.rounds),
    short: values.short,
    tell: (line) => process.stderr.write(`${line}\n`),
  })
  process.stdout.write(values.json ? json(result) : `${lines(result).join('\n')}\n`)
  if (result.failures.length > 0) process.exitCode = 1
  else if (values.write) {
    keep(result, values.only ? only : undefined)
    const { writeReport } = await import('./report/write.mjs')
    writeReport()
  }
}

function options() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        short: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return badUsage(error instanceof Error ? error.message : String(error))
  }
}

/** @param {string} message @returns {never} */
function badUsage(message) {
  process.stderr.write(`error: ${message}\nhint: npm run bench -- --help\n`)
  process.exit(64)
}
