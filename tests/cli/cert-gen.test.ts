import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { runCli } from '../support/cli.js'
import { forgeCa } from '../support/forge.js'
import { scratch } from '../support/scratch.js'

const certGen = (cwd: string, ...args: string[]) => runCli(['cert-gen', ...args], { cwd })

test('it makes the usual set and says files, names, expiry and what to type next', async () => {
  const cwd = scratch()
  const { exitCode, stdout, stderr } = await certGen(cwd)
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  for (const name of ['ca.crt', 'server.crt', 'client.crt']) expect(stdout).toContain(`certs/${name}`)
  expect(stdout).toContain('mcp-server, localhost, 127.0.0.1, ::1')
  const nextYear = new Date(Date.now() + 365 * 86_400_000).toISOString().slice(0, 10)
  expect(stdout.match(new RegExp(`until ${nextYear}`, 'g'))).toHaveLength(2)
  expect(stdout).toContain('next: npx mcp-mtls serve all\n')
  for (const type of ['server', 'client']) {
    const args = ['verify', '-x509_strict', '-purpose', `ssl${type}`, '-CAfile', 'ca.crt', `${type}.crt`]
    expect(execFileSync('openssl', args, { cwd: join(cwd, 'certs'), encoding: 'utf8' })).toContain('OK')
    expect(statSync(join(cwd, 'certs', `${type}.key`)).mode & 0o777).toBe(0o600)
  }
})

test('--json lists what there is, without keys', async () => {
  const cwd = scratch()
  const args = ['--json', '--cert-dir', 'x', '--san', 'a.example', '--san', 'spiffe://example.org/a']
  const { stdout } = await certGen(cwd, ...args)
  const { cert_dir, files } = JSON.parse(stdout)
  expect(cert_dir).toBe(join(cwd, 'x'))
  expect(files.map(({ type }: { type: string }) => type)).toEqual(['ca', 'server', 'client'])
  const server = readCertificate(readFileSync(join(cwd, 'x', 'server.crt')))
  expect(files[1]).toEqual({
    path: join(cwd, 'x', 'server.crt'),
    key_path: join(cwd, 'x', 'server.key'),
    type: 'server',
    subject: 'CN=mcp-server',
    names: ['mcp-server', 'a.example', 'localhost', '127.0.0.1', '::1', 'spiffe://example.org/a'],
    serial: server.serial,
    not_after: server.notAfter.toISOString(),
    created: true,
  })
  expect(stdout).not.toContain('PRIVATE')
})

test('every option ends up in the certificates', async () => {
  const cwd = scratch()
  const subject = ['--organization', 'Example Ltd', '--country', 'np']
  const keys = ['--key-type', 'rsa', '--key-size', '3072', '--days', '30', '--ca-days', '60']
  const names = ['--server-name', 'weather.example', '--client-name', 'Agent 7', '--ca-dir', 'ca']
  expect(await certGen(cwd, ...subject, ...keys, ...names)).toMatchObject({ exitCode: 0 })
  const [ca, server, client] = ['ca/ca.crt', 'certs/server.crt', 'certs/client.crt'].map((path) =>
    readCertificate(readFileSync(join(cwd, path))),
  )
  const days = (date?: Date) => Math.round(((date?.getTime() ?? 0) - Date.now()) / 86_400_000)
  expect(server).toMatchObject({
    subject: 'CN=weather.example,O=Example Ltd,C=NP',
    key: { text: 'RSA 3072' },
  })
  expect(client?.subject).toBe('CN=Agent 7,O=Example Ltd,C=NP')
  expect(ca?.subject).toMatch(/O=Example Ltd,C=NP$/)
  expect([days(ca?.notAfter), days(server?.notAfter)]).toEqual([60, 30])
  expect(readdirSync(join(cwd, 'certs'))).not.toContain('ca.key')
})

test('a second run does nothing and says so; --force replaces, and warns that the CA is another', async () => {
  const cwd = scratch()
  await certGen(cwd)
  const ca = readFileSync(join(cwd, 'certs/ca.crt'), 'utf8')
  const again = await certGen(cwd)
  expect(again).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing to do') })
  expect(readFileSync(join(cwd, 'certs/ca.crt'), 'utf8')).toBe(ca)
  const forced = await certGen(cwd, '--force')
  expect(forced.exitCode).toBe(0)
  expect(forced.stderr).toMatch(/warning: the CA was replaced[\s\S]*kept in certs\/\.generations\/0001/)
  expect(readFileSync(join(cwd, 'certs/ca.crt'), 'utf8')).not.toBe(ca)
})

test.each(['server', 'client'])('%s NAME issues one more from the same CA', async (type) => {
  const cwd = scratch()
  await certGen(cwd)
  const { exitCode, stdout, stderr } = await certGen(cwd, type, 'one.example', '--days', '7')
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  expect(stdout).toContain(`--${type}-cert certs/one.example.crt --${type}-key certs/one.example.key`)
  const args = ['verify', '-x509_strict', '-purpose', `ssl${type}`, '-CAfile', 'ca.crt', 'one.example.crt']
  expect(execFileSync('openssl', args, { cwd: join(cwd, 'certs'), encoding: 'utf8' })).toContain('OK')
})

test('--demo-mode makes self-signed certificates and no CA', async () => {
  const cwd = scratch()
  const { exitCode, stdout } = await certGen(cwd, '--demo-mode')
  expect(exitCode).toBe(0)
  expect(stdout).toContain('next: npx mcp-mtls serve all --demo-mode\n')
  expect(existsSync(join(cwd, 'certs/ca.crt'))).toBe(false)
  expect(readCertificate(readFileSync(join(cwd, 'certs/server.crt'))).selfIssued).toBe(true)
})

test('everything wrong with the options is one error, bad usage, and nothing is written', async () => {
  const cwd = scratch()
  const args = ['--key-type', 'dsa', '--country', 'Nepal', '--days', '4000', '--san', 'a b', '--json']
  const { exitCode, stdout, stderr } = await certGen(cwd, ...args)
  expect(exitCode).toBe(64)
  const { error } = JSON.parse(stdout)
  expect(error.code).toBe('CONFIG_INVALID')
  for (const part of ['dsa', 'Nepal', '4000', 'a b']) expect(error.message).toContain(part)
  expect(stderr).toContain('error: CONFIG_INVALID')
  expect(readdirSync(cwd)).toEqual([])
})

test.each([['--days', 'many'], ['server'], ['server', 'ca'], ['client', '../x'], ['peer', 'x']])(
  '%j %j is bad usage',
  async (...args) => {
    expect(await certGen(scratch(), ...args)).toMatchObject({
      exitCode: 64,
      stdout: '',
      stderr: expect.stringMatching(/^error: /),
    })
  },
)

test('a key that does not fit fails with its path, what to do, and nothing of the key', async () => {
  const cwd = scratch()
  await certGen(cwd, '--cert-dir', 'one')
  await certGen(cwd, '--cert-dir', 'two')
  const key = readFileSync(join(cwd, 'two/server.key'), 'utf8')
  writeFileSync(join(cwd, 'one/server.key'), key)
  const { exitCode, stdout, stderr } = await certGen(cwd, '--cert-dir', 'one', '--json')
  expect(exitCode).toBe(1)
  expect(JSON.parse(stdout).error).toMatchObject({
    code: 'KEY_MISMATCH',
    hint: expect.stringMatching(/--force/),
  })
  expect(stderr).toContain(join(cwd, 'one/server.key'))
  expect(stdout + stderr).not.toContain(key.split('\n')[1])
})

test('what its CA may not give is refused before a file is written, with the name and the CA', async () => {
  const cwd = scratch()
  const ca = await forgeCa({ commonName: 'Corp', nameConstraints: { excluded: [{ dns: 'localhost' }] } })
  writeFileSync(join(cwd, 'ca.crt'), ca.cert)
  writeFileSync(join(cwd, 'ca.key'), ca.key, { mode: 0o600 })
  const { exitCode, stderr } = await certGen(cwd, '--ca-dir', '.', '--cert-dir', 'out')
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^error: CERT_INVALID: .*CN=mcp-server.*localhost, which .*CN=Corp.* must not give/m)
  expect(stderr).toContain('hint')
  expect(existsSync(join(cwd, 'out', 'client.crt'))).toBe(false)
  expect(
    readdirSync(cwd)
      .filter((name) => name !== 'out')
      .sort(),
  ).toEqual(['ca.crt', 'ca.key'])
})
