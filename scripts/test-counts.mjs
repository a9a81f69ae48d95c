// Sums up reports of vitest (--reporter=json), later ones in place of earlier ones of the same file: what did not run for
// want of a tool, what failed and why, and then one line `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs'

const files = new Map()
const failures = []
for (const report of process.argv.slice(2))
  for (const { name, status, message, assertionResults: tests } of JSON.parse(readFileSync(report, 'utf8'))
    .testResults) {
    // A file that cannot be loaded has no tests to count, and has failed all the same.
    const broken = status === 'failed' && tests.length === 0 ? 1 : 0
    if (broken) failures.push([name, message])
    for (const test of tests.filter((test) => test.status === 'failed'))
      failures.push([`${name} > ${test.fullName}`, test.failureMessages.join('\n')])
    const failedBefore = files.get(name)?.failed ?? 0
    const skipped = tests.filter((test) => test.status === 'skipped')
    files.set(name, {
      passed: tests.filter((test) => test.status === 'passed').length,
      failed: tests.filter((test) => test.status === 'failed').length + broken + failedBefore,
      skipped: skipped.map(
        ({ fullName }) => /\(did not run: (there is no .+?)\)/.exec(fullName)?.[1] ?? fullName,
      ),
    })
  }

const all = [...files.values()]
const lacking = all.flatMap(({ skipped }) => skipped)
for (const reason of new Set(lacking)) console.log(`did not run: ${reason}`)
for (const [title, message] of failures) console.log(`\nfailed: ${title}\n${message}`)
const sum = (counts) => counts.reduce((total, count) => total + count, 0)
const passed = sum(all.map((file) => file.passed))
const failed = sum(all.map((file) => file.failed))
console.log(`\n${passed} passed, ${failed} failed, ${lacking.length} skipped`)
