import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { bin, runProcess } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
const certDir = join(folder, 'certs')
beforeAll(() => makeCertificateSet({ certDir }))
afterAll(() => rmSync(folder, { recursive: true }))

const linux = process.platform === 'linux'

describe.runIf(linux)('a full standard output', () => {
  test.each([
    'cert-list --cert-dir DIR',
    'cert-check DIR --json',
    'cert-gen --cert-dir DIR',
    '--version',
    'demo --help',
  ])('%s: ends with words and exit code 1', (line) => {
    const args = line.split(' ').map((word) => (word === 'DIR' ? certDir : word))
    const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' ')
    const { status, stderr } = spawnSync('sh', ['-c', `${command} > /dev/full`], { encoding: 'utf8' })
    expect(stderr).toContain('error: the results cannot be written to standard output: the disk is full\n')
    expect(status).toBe(1)
  })
})

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

describe.runIf(linux)('a place where no directory can be made', () => {
  test.each([
    [['cert-gen', '--cert-dir', '/proc/x'], 1],
    [['cert-gen', '--cert-dir', '/proc/x/y/z'], 1],
    [['cert-gen', '--cert-dir', '/dev/null/x'], 1],
    [['serve', 'echo', '--tls-port', '0', '--cert-dir', 'DIR', '--security-log', '/proc/x/y/log'], 64],
  ])('%j ends with words', async (args, code) => {
    const { exitCode, stderr } = await runProcess(args.map((word) => (word === 'DIR' ? certDir : word)))
    expect(stderr).toMatch(/^error: [A-Z_]+: .* cannot be written/)
    expect(stderr).not.toContain('    at ')
    expect(exitCode).toBe(code)
  })
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
