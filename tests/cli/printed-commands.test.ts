import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

// Every command that we print can be pasted into a POSIX shell, whatever the directories are called.

const name = "my certs $HOME 'x'"
const caName = '-ca "`id`"'
const flags = ['--cert-dir', `./${name}`, '--ca-dir', `./${caName}`]
const shown = ['--cert-dir', name, '--ca-dir', `./${caName}`]

/** A directory with an `mcp-mtls`, an `npx` and a `getent` that print their arguments. */
function printers(): string {
  const directory = scratch()
  for (const program of ['mcp-mtls', 'npx', 'getent', 'chmod']) {
    writeFileSync(join(directory, program), `#!/bin/sh\nprintf '%s\\0' ${program} "$@"\n`)
    chmodSync(join(directory, program), 0o755)
  }
  return directory
}

/** What a shell makes of each command in this output. */
function typed(output: string): string[][] {
  const commands = output
    .split('\n')
    .flatMap((line) => /(?:^next: |`)((?:npx|mcp-mtls|getent|chmod) .*?)(?:`[,.]|$)/.exec(line)?.[1] ?? [])
  const env = { PATH: `${printers()}:${process.env.PATH}`, HOME: '/nowhere' }
  return commands.map((command) =>
    execFileSync('sh', ['-c', command], { encoding: 'utf8', env }).split('\0').slice(0, -1),
  )
}

async function printed(cwd: string, ...args: readonly string[]): Promise<string[][]> {
  const { stdout, stderr } = await runCli(args, { cwd })
  return typed(`${stdout}\n${stderr}`)
}

test('what the commands for certificates say comes next', async () => {
  const cwd = scratch()
  const run = (...args: readonly string[]) => printed(cwd, ...args, ...flags)
  const next = (...command: readonly string[]) => [['npx', 'mcp-mtls', ...command]]
  expect(await run('cert-gen')).toEqual(next('serve', 'all', '--cert-dir', name))
  for (const [type, use] of [
    ['client', ['ask', 'echo hello']],
    ['server', ['serve', 'all']],
  ] as const)
    expect(await run('cert-gen', type, `${type}-7`)).toEqual(
      next(
        ...use,
        ...['--cert-dir', name],
        ...[`--${type}-cert`, `${name}/${type}-7.crt`, `--${type}-key`, `${name}/${type}-7.key`],
      ),
    )
  expect(await run('cert-renew', '--all')).toEqual(next('cert-check', ...shown))
  expect(await run('cert-revoke', `${name}/client-7.crt`)).toEqual(next('cert-list', ...shown))
  expect(await run('cert-rotate-ca')).toEqual(next('cert-renew', ...shown))
  await run('cert-renew')
  expect(await run('cert-rotate-ca')).toEqual(next('cert-rotate-ca', ...shown, '--finish'))
})

test('what takes the rights of others away', async () => {
  const cwd = scratch()
  await printed(cwd, 'cert-gen', '--cert-dir', name)
  const key = join(cwd, name, 'server.key')
  chmodSync(key, 0o644)
  expect(await printed(cwd, 'cert-check', name)).toContainEqual(['chmod', 'g-w,o-rwx', key])
  chmodSync(key, 0o600)
  chmodSync(join(cwd, name), 0o777)
  expect(await printed(cwd, 'cert-check', name)).toContainEqual(['chmod', 'go-w', join(cwd, name)])
})

test('what a CA that ends is to be changed with', async () => {
  const cwd = scratch()
  await printed(cwd, 'cert-gen', '--ca-days', '1', '--days', '1', ...flags)
  const [rotate] = await printed(cwd, 'cert-renew', ...flags)
  expect(rotate).toEqual(['npx', 'mcp-mtls', 'cert-rotate-ca', ...shown])
})

test('what makes the files that a server or a client lacks', async () => {
  const cwd = scratch()
  const certDir = join(cwd, name)
  const make = ['mcp-mtls', 'cert-gen', '--cert-dir', certDir]
  const serve = () => printed(cwd, 'serve', 'echo', '--cert-dir', certDir)
  expect(await serve()).toEqual([make])
  await printed(cwd, 'cert-gen', '--cert-dir', certDir)
  rmSync(join(certDir, 'client.crt'))
  expect(await printed(cwd, 'ask', 'echo hello', '--cert-dir', certDir)).toEqual([make])
  mkdirSync(join(cwd, 'empty $(id)'))
  const [first] = await printed(cwd, 'serve', 'echo', '--cert-dir', 'empty $(id)')
  expect(first?.slice(0, 3)).toEqual(['mcp-mtls', 'cert-gen', '--cert-dir'])
  expect(first?.[3]).toMatch(/empty \$\(id\)$/)
})

test('how a name is looked up that has no address', async () => {
  const host = "$(id)';id.invalid"
  expect(await printed(scratch(), 'test-tls', `https://${host}/mcp`)).toContainEqual([
    'getent',
    'hosts',
    host,
  ])
})
