import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { type Setting, settingNames, settingTable } from '../../src/config/index.js'
import { serve } from '../../src/server/index.js'
import { runCli } from '../support/cli.js'
import { forge, forgeCa, writeSet } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { testServer } from '../support/world.js'

// Marked secrets are put everywhere where a person could put one by mistake; no output may have a part of them.

let pem: string
const passphrase = 'Xq7-marked-passphrase'
beforeAll(async () => {
  pem = (await forge()).key
})

const forms: Readonly<Record<string, (pem: string) => string>> = {
  'a key': (text) => text,
  'a key with \\n written out': (text) => text.replaceAll('\n', '\\n'),
  'a key that is cut off': (text) => text.slice(0, 100),
}

function expectNothingOf(output: string): void {
  const lines = pem.split('\n').slice(1, -2)
  for (const part of [...lines.flatMap((line) => line.match(/.{16}/g) ?? []), passphrase])
    expect(output).not.toContain(part)
}

const commands: readonly (readonly string[])[] = [
  ['serve', 'echo', '--tls-port', '0'],
  ['expose', '--upstream', 'http://127.0.0.1:1/mcp', '--tls-port', '0'],
  ['ask', 'What time is it in Oslo?'],
  ['test-tls', 'https://localhost:1/mcp'],
  ['call', 'https://localhost:1/mcp', 'tool'],
  ['resources', 'https://localhost:1/mcp'],
  ['cert-check'],
  ['cert-gen', '--dry-run'],
  ['cert-list'],
  ['monitor', '--once'],
]

test.each(Object.keys(forms))('%s in every variable, of the environment and of .env', async (form) => {
  const value = forms[form]?.(pem) ?? ''
  for (const name of settingNames) {
    const { variable, kind } = settingTable[name] as Setting
    if (kind.placeholder !== 'path' && kind.placeholder !== 'url' && form !== 'a key') continue
    for (const command of [['cert-check'], ['serve', 'echo', '--json']]) {
      const cwd = scratch()
      const isFile = command[0] === 'serve' && form !== 'a key that is cut off'
      if (isFile) writeFileSync(join(cwd, '.env'), `${variable}="${value}"\n`)
      const { stdout, stderr } = await runCli([...command], {
        cwd,
        ...(!isFile && { env: { [variable]: value } }),
      })
      expectNothingOf(stdout + stderr)
    }
  }
})

test.each(Object.keys(forms))('%s in every place of a command line', async (form) => {
  const value = forms[form]?.(pem) ?? ''
  for (const command of commands)
    for (const args of [
      [value],
      ['--cert-dir', value],
      [`--ca-cert=${value}`],
      ['--json', value],
      [`--no-such=${value}`],
    ]) {
      const { stdout, stderr, exitCode } = await runCli([...command, ...args], { cwd: scratch() })
      expect(exitCode).not.toBe(0)
      expectNothingOf(stdout + stderr)
    }
})

test('a key or a passphrase in every place of a mcpServers file', async () => {
  const entry = { url: 'https://localhost:1/mcp', tls: { cert: 'a', key: 'b', passphrase } }
  const broken = [
    { ...entry, url: pem },
    { ...entry, url: `https://user:${passphrase}@localhost:1/mcp` },
    { ...entry, tls: { ...entry.tls, key: pem } },
    { ...entry, tls: { ...entry.tls, cert: undefined } },
    { ...entry, tls: { ...entry.tls, passphrase: [passphrase] } },
    { ...entry, tls: passphrase },
    { ...entry, tls: [passphrase] },
    { ...entry, type: pem },
    { ...entry, type: { passphrase } },
    [passphrase],
    pem,
  ]
  for (const [index, one] of broken.entries())
    for (const text of [
      JSON.stringify({ mcpServers: { one } }),
      JSON.stringify({ mcpServers: { one } }).slice(0, -2),
    ]) {
      const cwd = scratch()
      writeFileSync(join(cwd, 'servers.json'), text)
      for (const args of [
        ['ask', 'x', '--mcp-servers', 'servers.json'],
        ['monitor', '--once', '--json', '--config', 'servers.json'],
        ['tools', '--config', 'servers.json', '--server', 'one'],
      ]) {
        const { stdout, stderr } = await runCli(args, { cwd })
        expect(stdout + stderr, String(index)).not.toBe('')
        expectNothingOf(stdout + stderr)
      }
    }
})

test('a key in every option of the library', async () => {
  const options = [
    'certDir',
    'caCert',
    'serverCert',
    'serverKey',
    'clientCert',
    'clientKey',
    'crl',
    'keyPassphraseFile',
    'minVersion',
  ]
  for (const option of options) {
    const tls = { certDir: scratch(), [option]: pem } as object
    const failures = await Promise.allSettled([
      serve(() => testServer(), { name: `x-${option}`, tlsPort: 0, tls, log: false }),
      connect({ serverUrl: 'https://localhost:1/mcp', tls, log: false, retryAttempts: 0 }),
    ])
    for (const failure of failures) {
      expect(failure.status).toBe('rejected')
      const { reason } = failure as PromiseRejectedResult
      expectNothingOf(`${reason.stack} ${JSON.stringify(reason)} ${reason.hint} ${String(reason.cause)}`)
    }
  }
})

test('a passphrase in a file is read without its line end; both ways at once are too many', async () => {
  const cwd = scratch()
  const ca = await forgeCa()
  const server = await forge({ issuer: ca, usage: 'server' })
  const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const
  const key = server.privateKey.export(cipher).toString()
  await writeSet(join(cwd, 'certs'), { ca, server: { ...server, key } })
  for (const end of ['', '\n', '\r\n']) {
    writeFileSync(join(cwd, 'word'), passphrase + end)
    const { exitCode, stdout } = await runCli(['cert-check', '--key-passphrase-file', 'word'], { cwd })
    expect(exitCode, stdout).toBe(0)
    const tls = { certDir: join(cwd, 'certs'), keyPassphraseFile: join(cwd, 'word') }
    await (await serve(() => testServer(), { name: 'encrypted', tlsPort: 0, tls, log: false })).close()
  }
  writeFileSync(join(cwd, 'word'), `${passphrase}\n\n`)
  expect(await runCli(['cert-check', '--key-passphrase-file', 'word'], { cwd })).toMatchObject({
    exitCode: 2,
  })
  const env = { TLS_KEY_PASSPHRASE: passphrase }
  const both = await runCli(['cert-check', '--key-passphrase-file', 'word'], { cwd, env })
  expect(both.stderr).toContain('both given')
  const absent = await runCli(['cert-check', '--key-passphrase-file', 'nowhere'], { cwd })
  expect(absent.stderr).toMatch(
    /CERT_NOT_FOUND: keyPassphraseFile: what is named there cannot be read \(ENOENT\)/,
  )
  expectNothingOf(both.stdout + both.stderr + absent.stderr)
})
