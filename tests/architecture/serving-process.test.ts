import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { loadedBy } from './loaded.js'

test('a process that serves never loads the code that makes certificates', async () => {
  const coverage = scratch()
  const cwd = scratch()
  const env = { NODE_V8_COVERAGE: coverage, TLS_DEMO_MODE: 'true' }
  // In demo mode without certificates: they are made, and still not by the process that serves.
  const { process, printed, finished } = startCli(['serve', 'echo', '--tls-port', '0'], { cwd, env })
  await printed(/^echo-mcp /m)
  process.kill('SIGTERM')
  expect((await finished).exitCode).toBe(0)

  const loaded = loadedBy(process.pid, coverage)
  expect(loaded.some((url) => /\/dist\/bundle\/listening-server-/.test(url))).toBe(true)
  const making = /\/dist\/(bundle\/making-|pki\/)/
  expect(loaded.filter((url) => making.test(url))).toEqual([])

  const children = readdirSync(coverage).filter((name) => !name.startsWith(`coverage-${process.pid}-`))
  expect(children).not.toEqual([])
  const made = children.map((name) => Number(name.split('-')[1])).flatMap((pid) => loadedBy(pid, coverage))
  expect(made.some((url) => making.test(url))).toBe(true)
})
