import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

test('a working directory that is gone', () => {
  const gone = join(scratch(), 'gone')
  mkdirSync(gone)
  // Removed by the shell that stands in it.
  const run = `rmdir "$1" && exec "$2" "$3" cert-list`
  const { status, stderr } = spawnSync('sh', ['-c', run, 'sh', gone, process.execPath, bin], {
    cwd: gone,
    encoding: 'utf8',
  })
  expect(stderr).toBe('error: the working directory is gone\nhint: Change to one that is there: cd DIR.\n')
  expect(status).toBe(1)
})

describe('folders with keys', () => {
  const signals: [command: string, NodeJS.Signals][] = [
    ['demo', 'SIGHUP'],
    ['demo', 'SIGKILL'],
    ['perf-test --quick', 'SIGHUP'],
    ['perf-test --quick', 'SIGKILL'],
  ]
  test.each(signals)('%s leaves none behind when it ends by %s', async (line, signal) => {
    const tmp = scratch()
    const child = spawn(process.execPath, [bin, ...line.split(' ')], {
      env: { PATH: process.env.PATH, TMPDIR: tmp },
      stdio: 'ignore',
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const hasKeys = () =>
      readdirSync(tmp, { recursive: true }).some((name) => String(name).endsWith('server.key'))
    await vi.waitFor(() => expect(hasKeys()).toBe(true), { timeout: 60_000, interval: 10 })
    child.kill(signal)
    await vi.waitFor(() => expect(readdirSync(tmp)).toEqual([]), { timeout: 60_000, interval: 20 })
  })
})
