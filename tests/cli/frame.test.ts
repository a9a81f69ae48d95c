import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bin, runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const commands = ['demo', 'cert-gen', 'cert-check', 'serve', 'audit', 'ask']

test('--version is the version of the package', async () => {
  expect(await runCli(['--version'])).toMatchObject({ exitCode: 0, stdout: `${version}\n`, stderr: '' })
})

test('--help names every command and has an example', async () => {
  const { exitCode, stdout } = await runCli(['--help'])
  expect(exitCode).toBe(0)
  for (const name of commands) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
  expect(stdout).toContain('Example')
})

test('help COMMAND is COMMAND --help', async () => {
  expect(await runCli(['help', 'serve'])).toEqual(await runCli(['serve', '--help']))
  expect(await runCli(['help'])).toEqual(await runCli(['--help']))
})

test.each(commands)('%s --help has an example and says the exit codes', async (name) => {
  const { exitCode, stdout } = await runCli([name, '--help'])
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/example/i)
  expect(stdout).toMatch(/exit code/i)
})

test('without a command, help goes to stderr and the exit code is 64', async () => {
  const { exitCode, stdout, stderr } = await runCli([])
  expect(exitCode).toBe(64)
  expect(stdout).toBe('')
  expect(stderr).toContain('Usage: mcp-mtls')
})

test('an unknown command is bad usage, with the nearest one that exists', async () => {
  const { exitCode, stdout, stderr } = await runCli(['crt-gen'])
  expect(exitCode).toBe(64)
  expect(stdout).toBe('')
  expect(stderr).toContain("error: CONFIG_INVALID: unknown command 'crt-gen'")
  expect(stderr).toContain('hint: Did you mean cert-gen?')
})

test.each([
  [['serve', 'all', '--min-versoin', 'TLSv1.3'], 64, '--min-version'],
  [['serve'], 64, 'missing required argument'],
  [['ask', 'hello', '--no-such-flag'], 1, 'unknown option'],
])('%j is bad usage', async (args, code, expected) => {
  const { exitCode, stderr } = await runCli(args)
  expect(exitCode).toBe(code)
  expect(stderr).toMatch(/^error: /)
  expect(stderr).toContain(expected)
})

test('wrong settings are bad usage, all of them at once, from flags, environment and .env', async () => {
  const cwd = scratch()
  writeFileSync(join(cwd, '.env'), 'LOG_LEVEL=loud\n')
  const env = { TLS_MIN_VERSION: 'SSLv3' }
  const { exitCode, stdout, stderr } = await runCli(['serve', 'all', '--demo-mode=maybe', '--json'], {
    cwd,
    env,
  })
  expect(exitCode).toBe(64)
  const { error } = JSON.parse(stdout)
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', hint: expect.any(String) })
  for (const part of ['LOG_LEVEL', 'SSLv3', 'maybe']) {
    expect(error.message).toContain(part)
    expect(stderr).toContain(part)
  }
})

test('a failure prints no stack', async () => {
  const { exitCode, stderr } = await runCli(['serve', 'echo', '--tls-port', '0'], { cwd: scratch() })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('error: CERT_DIR_NOT_FOUND: ')
  expect(stderr).toContain('hint: ')
  expect(stderr).not.toMatch(/^\s+at /m)
})

test('a reader that goes away early is no error', async () => {
  const child = spawn(process.execPath, [bin, 'serve', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  const [exitCode] = await once(child, 'close')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
})
