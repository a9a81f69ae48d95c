// node bench/write-report.mjs [--check]
// Writes docs/performance.md and its plots from bench/results/latest.json. With --check it writes nothing, names what is
// not as it would be written, and exits 1.
import { outdated, writeReport } from './report/write.mjs'

if (process.argv.includes('--check')) {
  const paths = outdated()
  for (const path of paths) process.stdout.write(`docs/${path}\n`)
  if (paths.length > 0) process.exitCode = 1
} else writeReport()
