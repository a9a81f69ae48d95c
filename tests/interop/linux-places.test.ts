// What only Linux has: /dev/full, and a /proc in which nothing can be made.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { makeDirectories } from '../../src/files/make-directory.js'
import { makeCertificateSet } from '../../src/pki/index.js'
import { bin, runProcess, startNode } from '../support/cli.js'
import { describeWith } from '../support/tools.js'
import { ask, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const folder = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
const certDir = join(folder, 'certs')
beforeAll(() => makeCertificateSet({ certDir }))
afterAll(() => rmSync(folder, { recursive: true }))

describeWith('Linux', process.platform === 'linux', 'a full standard output', () => {
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

describeWith('Linux', process.platform === 'linux', 'a place where no directory can be made', () => {
  test.each(['/proc/x', '/proc/x/y/z'])('%s: making one ends', (path) => {
    expect(() => makeDirectories(path)).toThrow('ENOENT')
  })

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

describeWith('Linux', process.platform === 'linux', 'a full disk under the security log', () => {
  test('ends no server', async () => {
    await using world = await makeWorld()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const log = { level: 'silent', securityLog: '/dev/full' }
    await using served = await serveTest({ tls: world.tls, log })
    for (let times = 0; times < 3; times++) {
      const { status } = await ask(served.server.url, world.certDir, {
        body: toolCall('echo', { text: 'x' }),
      })
      expect(status).toBe(200)
    }
    await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(expect.stringContaining('ENOSPC')))
  })
})

describeWith('Linux', process.platform === 'linux', 'a pipe or a device where a file belongs', () => {
  const pipe = join(folder, 'pipe')
  beforeAll(() => execFileSync('mkfifo', [pipe]))

  test.each([
    'serve echo --tls-port 0 --crl PIPE',
    'serve echo --tls-port 0 --key-passphrase-file PIPE',
    'serve echo --tls-port 0 --key-passphrase-file /dev/zero',
    'ask hi --config PIPE',
    'ask hi --config /dev/zero',
    'cert-revoke PIPE',
    'cert-check PIPE',
  ])('%s ends with words', async (line) => {
    const args = line.split(' ').map((word) => (word === 'PIPE' ? pipe : word))
    const { exitCode, stderr } = await runProcess([...args, '--cert-dir', certDir], { cwd: folder })
    expect(stderr).not.toContain('INTERNAL')
    expect(exitCode).toBeGreaterThan(0)
  })

  test('in the place of the usual list, or of .env, it ends with words too', async () => {
    const other = join(folder, 'other')
    await makeCertificateSet({ certDir: other })
    execFileSync('mkfifo', [join(other, 'ca.crl'), join(other, '.env')])
    const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', other]
    const listed = await runProcess(args, { cwd: folder })
    expect(listed.stderr).toMatch(/^error: CERT_NOT_FOUND: .*ca\.crl is not a file$/m)
    expect((await runProcess(args, { cwd: other })).exitCode).toBeGreaterThan(0)
  })

  test('a passphrase may come through a pipe into which somebody writes', async () => {
    const command = [process.execPath, bin, 'cert-check', '--cert-dir', certDir].join(' ')
    const { status, stderr } = spawnSync('bash', [
      '-c',
      `${command} --key-passphrase-file <(sleep 0.2; echo x)`,
    ])
    expect(String(stderr)).toBe('')
    expect(status).toBe(0)
  })
})
describeWith('Linux', process.platform === 'linux', 'what removes a folder of keys', () => {
  test('takes SIGUSR1 and SIGUSR2, and removes it all the same', async () => {
    const scratchFolder = import.meta.resolve('../../dist/cli/io/scratch-folder.js')
    const program = `
import { withScratchFolder } from ${JSON.stringify(scratchFolder)}
await withScratchFolder('test', (directory) => new Promise(() => setInterval(() => {}, console.log(directory) ?? 1000)))`
    const running = startNode(['--input-type=module', '--eval', program])
    const [directory] = await running.printed(/^\/.+$/m)
    const { pid } = running.process
    const remover = () => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
    await expect.poll(() => catches(remover(), 12), { timeout: 20_000 }).toBe(true) // SIGUSR2
    const child = remover()
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.kill(child, signal)
    await expect.poll(() => isPending(child), { timeout: 20_000 }).toBe(false)
    process.kill(child, 0)
    running.process.kill('SIGKILL')
    await expect.poll(() => existsSync(directory), { timeout: 20_000 }).toBe(false)
  })
})

const status = (pid: number, field: string) =>
  BigInt(
    `0x${new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]}`,
  )

/** Whether a process has a handler of its own for a signal. */
function catches(pid: number, signal: number): boolean {
  return ((status(pid, 'SigCgt') >> BigInt(signal - 1)) & 1n) === 1n
}

function isPending(pid: number): boolean {
  return status(pid, 'ShdPnd') !== 0n
}

describeWith('Linux', process.platform === 'linux', 'a server at any spelling of an address', () => {
  test.each([
    ['127.0.0.2', 'http://127.0.0.2'],
    ['::ffff:127.0.0.1', 'http://localhost'],
    ['localhost.', 'http://localhost'],
  ])('%s answers at the URL that it prints', async (host, origin) => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0, host })
    expect(served.server.url).toBe(`${origin}:${served.server.port}/mcp`)
    const body = toolCall('echo', { text: 'hello' })
    expect((await ask(served.server.url, undefined, { body })).status).toBe(200)
  })
})
