// Changes the source a little, again and again, and looks whether a test notices: npm run mutation -- --help
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'

const help = `npm run mutation [-- [--sockets] [FILE…]]

Changes the judging part of the source a little, again and again, and counts which changes a test notices.

  --sockets  the files around sockets, locks and watched files instead, with the tests that open sockets
  FILE…      some files of the scope alone

Example: npm run mutation -- --sockets src/files/lock.ts

The scores and what may survive: docs/proof.md. Exit code 1: a file that is not in the scope.`

const options = { help: { type: 'boolean' }, sockets: { type: 'boolean' } }
const { values, positionals } = parsed()
if (values.help) {
  console.log(help)
  process.exit()
}
const scopes = JSON.parse(readFileSync(new URL('scopes.json', import.meta.url), 'utf8'))
const { mutate, tests } = values.sockets ? scopes.sockets : scopes.unit
for (const file of positionals)
  if (!mutate.includes(file)) {
    console.error(`error: ${file} is not in this scope. Its files are in scripts/mutation/scopes.json`)
    process.exit(1)
  }

function parsed() {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    console.error(`error: ${error.message}\n\n${help}`)
    process.exit(64)
  }
}

process.env.MUTATION_TESTS = tests.join()
const results = await new Stryker({
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'scripts/mutation/vitest.config.ts', related: false },
  mutate: positionals.length > 0 ? positionals : mutate,
  // Words of messages are not judgements.
  mutator: { excludedMutations: ['StringLiteral'] },
  // There is none: it would be rewritten with a function that TypeScript 7 no longer has.
  tsconfigFile: 'none',
  coverageAnalysis: 'perTest',
  // What runs as a module is loaded would need every test that opens a socket: more than an hour.
  ignoreStatic: values.sockets ?? false,
  concurrency: 2,
  timeoutMS: 20_000,
  reporters: ['clear-text'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false, reportScoreTable: false },
  tempDirName: '.mutation',
}).runMutationTest()

const noticed = (mutants) => mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout')
const row = (name, mutants) =>
  `| ${name} | ${noticed(mutants).length} of ${mutants.length} | ${Math.round((100 * noticed(mutants).length) / mutants.length)} % |`
console.log('| file | noticed | score |\n|---|---|---|')
const counted = results.filter(({ status }) => status !== 'CompileError' && status !== 'Ignored')
const byFile = new Map()
for (const mutant of counted) byFile.set(mutant.fileName, [...(byFile.get(mutant.fileName) ?? []), mutant])
for (const [file, mutants] of byFile) console.log(row(`\`${relative('', file)}\``, mutants))
console.log(row('all', counted))
