import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { withScratchFolder } from '../../src/cli/io/scratch-folder.js'
import { bin, runProcess } from '../support/cli.js'
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

describe('no temporary folder', () => {
  test.each(['demo', 'perf-test --quick'])('%s ends with words, and names TMPDIR', async (line) => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    for (const [tmp, code] of [
      ['gone', 'ENOENT'],
      ['file', 'ENOTDIR'],
    ] as const) {
      const { exitCode, stderr } = await runProcess(line.split(' '), { env: { TMPDIR: join(cwd, tmp) } })
      expect(stderr).toMatch(
        `error: CERT_WRITE_FAILED: no temporary folder can be made in ${join(cwd, tmp)} (${code})\n` +
          'hint: Make room there, or set TMPDIR to a directory that this user may write.\n',
      )
      expect(exitCode).toBe(1)
    }
  })

  test('one that is full is told as such, and other faults are left as they are', async () => {
    const failing = (fault: object) =>
      withScratchFolder('test', async (directory) => {
        throw Object.assign(new Error('no'), { path: join(directory, 'a') }, fault)
      })
    await expect(failing({ code: 'ENOSPC' })).rejects.toMatchObject({
      code: 'CERT_WRITE_FAILED',
      message: expect.stringMatching(/^the temporary folder .* takes no more \(ENOSPC\)$/),
    })
    await expect(failing({ code: 'ENOENT' })).rejects.toThrow('no')
    await expect(failing({ code: 'ENOSPC', path: '/elsewhere' })).rejects.toThrow('no')
  })
})
