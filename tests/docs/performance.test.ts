import { expect, test } from 'vitest'
import { root } from '../architecture/sources.js'
import { startNode } from '../support/cli.js'

test('docs/performance.md and its plots are what the script makes from the latest result', async () => {
  const run = startNode(['bench/write-report.mjs', '--check'], { cwd: root })
  expect(await run.finished).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
})
