import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

let cwd: string
beforeEach(async () => {
  cwd = scratch()
  await done('cert-gen')
})

const run = (...args: string[]) => runCli(args, { cwd })
async function done(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(...args)
  expect(exitCode, stderr).toBe(0)
  return stdout
}
const json = async (...args: string[]) => JSON.parse(await done(...args, '--json'))
const serialOf = (name: string) => readCertificate(readFileSync(join(cwd, name))).serial

describe.each(['cert-list', 'cert-renew', 'cert-revoke', 'cert-rotate-ca'])('%s', (command) => {
  test('has help with an example, and bad usage ends with 64', async () => {
    const help = await done(command, '--help')
    expect(help).toContain(`$ mcp-mtls ${command}`)
    for (const flag of ['--cert-dir', '--ca-dir', '--json']) expect(help).toContain(flag)
    const { exitCode, stderr } = await run(command, '--no-such-flag')
    expect(exitCode).toBe(64)
    expect(stderr).toMatch(/^error: CONFIG_INVALID/)
  })
})

describe('cert-list', () => {
  test('prints a table, and the same as JSON', async () => {
    const text = await done('cert-list')
    expect(text).toMatch(/^SERIAL +SUBJECT +NAMES +FROM +UNTIL +STATUS\n/)
    expect(text).toMatch(
      new RegExp(`${serialOf('certs/server.crt')} +CN=mcp-server +mcp-server, localhost.* valid\n`),
    )
    const { certificates } = await json('cert-list', 'certs')
    expect(certificates).toHaveLength(2)
    expect(certificates.find((one: { type: string }) => one.type === 'server')).toMatchObject({
      serial: serialOf('certs/server.crt'),
      subject: 'CN=mcp-server',
      status: 'valid',
      not_after: expect.stringMatching(/Z$/),
    })
  })

  test('says when there is nothing to list', async () => {
    const { exitCode, stdout } = await run('cert-list', '--cert-dir', 'nowhere', '--json')
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout).error.code).toBe('CERT_NOT_FOUND')
  })
})

describe('cert-revoke', () => {
  test('revokes a file, says where the list is, and shows it in the list', async () => {
    const text = await done('cert-revoke', 'certs/client.crt', '--reason', 'keyCompromise')
    expect(text).toContain(`revoked CN=mcp-client (${serialOf('certs/client.crt')}): keyCompromise`)
    expect(text).toContain('certs/ca.crl')
    expect(await done('cert-list')).toMatch(/revoked \d{4}-\d\d-\d\d \(keyCompromise\)/)
    expect(await done('cert-revoke', 'certs/client.crt')).toContain('was revoked before')
  })

  test('revokes a serial number, as JSON', async () => {
    const serial = serialOf('certs/server.crt')
    expect(await json('cert-revoke', serial.toUpperCase())).toMatchObject({
      serial,
      subject: 'CN=mcp-server',
      reason: 'unspecified',
      already_revoked: false,
      crl: { paths: [join(cwd, 'certs/ca.crl')], number: expect.stringMatching(/^\d+$/) },
    })
  })

  test.each([
    ['without an argument', [], 64, /missing required argument/],
    ['for an unknown reason', ['certs/client.crt', '--reason', 'because'], 64, /keyCompromise/],
    ['for a missing file', ['certs/nobody.crt'], 1, /nobody\.crt cannot be read/],
    ['for a serial number nobody has', ['abcdef'], 1, /hint: .*--force/],
  ])('fails %s', async (_, args, code, message) => {
    const { exitCode, stderr } = await run('cert-revoke', ...args)
    expect(exitCode).toBe(code)
    expect(stderr).toMatch(message)
    expect(existsSync(join(cwd, 'certs/ca.crl'))).toBe(false)
  })
})

describe('cert-renew', () => {
  test('says what is kept, what would be renewed, and what was', async () => {
    expect(await done('cert-renew')).toMatch(
      /certs\/server\.crt +kept +until .*\n\nnothing to do: next is due on/,
    )
    expect(await done('cert-renew', '--all', '--dry-run')).toContain('would be renewed (asked for)')
    const before = serialOf('certs/server.crt')
    expect(await done('cert-renew', 'certs/server.crt', '--all')).toMatch(
      /^certs\/server\.crt +renewed \(asked for\) +until .*\n\nnext: npx mcp-mtls cert-check\n$/,
    )
    expect(serialOf('certs/server.crt')).not.toBe(before)
    const { certificates, changed } = await json('cert-renew', 'certs', '--all')
    expect(certificates[0]).toMatchObject({ outcome: 'renewed', new_serial: serialOf('certs/client.crt') })
    expect(changed).toContain(join(cwd, 'certs/client.key'))
  })

  test('--exec runs once something changed, and knows what; stdout stays the result', async () => {
    const exec = 'echo "$RENEWED_FILES" > seen; echo from the command'
    await done('cert-renew', '--exec', exec)
    expect(existsSync(join(cwd, 'seen'))).toBe(false)
    const { stdout, stderr } = await run('cert-renew', '--all', '--exec', exec, '--json')
    expect(JSON.parse(stdout).changed).toEqual(readFileSync(join(cwd, 'seen'), 'utf8').trim().split('\n'))
    expect(stderr).toBe('from the command\n')
  })

  test('--exec that fails ends with 1, and what was renewed stays', async () => {
    const before = serialOf('certs/server.crt')
    const { exitCode, stderr } = await run('cert-renew', '--all', '--exec', 'exit 3')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/error: the command after the renewal failed: exit code 3/)
    expect(serialOf('certs/server.crt')).not.toBe(before)
  })

  test('without the key of the CA fails, and names --ca-dir', async () => {
    rmSync(join(cwd, 'certs/ca.key'))
    const { exitCode, stderr } = await run('cert-renew')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/CERT_NOT_FOUND: .*ca\.key is not there\nhint: .*--ca-dir/)
  })

  test('warns of the end of the CA with the next command', async () => {
    await done('cert-gen', '--force', '--ca-days', '300')
    const { stderr } = await run('cert-renew')
    expect(stderr).toMatch(/warning: the CA .* ends on .*\nhint: .*npx mcp-mtls cert-rotate-ca/)
  })
})

describe('cert-renew --daemon', () => {
  /** In days: with the five minutes that it counts from before now, two thirds of it are over at once. */
  const life = 18 / 86_400

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'renews what is due, goes on, and ends with 0 at %s',
    async (signal) => {
      await done('cert-gen', 'client', 'brief', '--days', String(life))
      const before = serialOf('certs/brief.crt')
      const daemon = startCli(['cert-renew', '--daemon', '--exec', 'echo told'], { cwd })
      await daemon.printed(/brief\.crt +renewed \(due\)/)
      await daemon.printed(/told/)
      expect(serialOf('certs/brief.crt')).not.toBe(before)
      daemon.process.kill(signal)
      expect(await daemon.finished).toMatchObject({ exitCode: 0, signal: null })
    },
  )

  test('reports a failure with what to do, and tries again', async () => {
    rmSync(join(cwd, 'certs/ca.key'))
    const daemon = startCli(['cert-renew', '--daemon'], { cwd })
    await daemon.printed(/CERT_NOT_FOUND.*ca\.key[\s\S]*hint: .*--ca-dir[\s\S]*trying again in 3\d s/)
    daemon.process.kill('SIGTERM')
    expect((await daemon.finished).exitCode).toBe(0)
  })

  test('does not go with --all', async () => {
    expect(await run('cert-renew', '--daemon', '--all')).toMatchObject({ exitCode: 64 })
  })
})

describe('cert-rotate-ca', () => {
  test('says at each stage what comes next', async () => {
    expect(await done('cert-rotate-ca')).toMatch(
      /new CA +CN=.*\nold CA [\s\S]*\nnext: copy ca\.crt[\s\S]*next: npx mcp-mtls cert-renew\n$/,
    )
    expect(await done('cert-rotate-ca')).toMatch(/under way[\s\S]*still from the old CA:\n {2}CN=mcp-server/)
    const refused = await run('cert-rotate-ca', '--finish')
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/CERT_IN_USE[\s\S]*hint: .*cert-renew/),
    })
    await done('cert-renew')
    expect(await done('cert-rotate-ca')).toMatch(/next: npx mcp-mtls cert-rotate-ca --finish\n$/)
    const { stage, outstanding } = await json('cert-rotate-ca', '--finish')
    expect({ stage, outstanding }).toEqual({ stage: 'finished', outstanding: [] })
    const { exitCode } = await run('cert-check')
    expect(exitCode).toBe(0)
  })

  test('refuses --force without --finish', async () => {
    expect(await run('cert-rotate-ca', '--force')).toMatchObject({ exitCode: 64 })
  })

  test('remembers the directories in the next command', async () => {
    await done('cert-gen', '--cert-dir', 'server', '--ca-dir', 'ca')
    const text = await done('cert-rotate-ca', '--cert-dir', 'server', '--ca-dir', 'ca')
    expect(text).toContain('next: npx mcp-mtls cert-renew --cert-dir server --ca-dir ca')
    writeFileSync(join(cwd, 'certs/ca.key'), 'damaged')
    expect((await run('cert-rotate-ca')).exitCode).toBe(1)
  })
})

test('commands at the same moment all succeed, and the index has what each of them did', async () => {
  const before = (await json('cert-list')).certificates.length
  const all = [
    ['cert-renew', '--all'],
    ['cert-renew', '--all'],
    ['cert-revoke', 'abcdef', '--force'],
    ['cert-gen', 'client', 'agent'],
    ['cert-rotate-ca'],
    ['cert-list'],
  ]
  const results = await Promise.all(all.map((args) => run(...args)))
  for (const { exitCode, stderr } of results) expect(exitCode, stderr).toBe(0)
  await done('cert-renew')
  await done('cert-rotate-ca', '--finish')
  const { certificates } = await json('cert-list')
  expect(certificates.length).toBeGreaterThanOrEqual(before + 7)
  expect(certificates.filter((one: { status: string }) => one.status === 'valid')).toHaveLength(4)
  expect((await run('cert-check')).exitCode).toBe(0)
})
