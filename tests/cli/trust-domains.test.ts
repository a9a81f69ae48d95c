import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { publicKeyHash } from '../../src/x509/public-key-hash.js'
import { runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const weather = 'spiffe://example.org/weather'

/** What these commands have made; each must end well. */
async function made(...commands: string[]): Promise<string> {
  const cwd = scratch()
  for (const command of commands) {
    const { exitCode, stderr } = await runCli(command.split(' '), { cwd })
    expect(exitCode, `${command}: ${stderr}`).toBe(0)
  }
  return cwd
}

const set = [
  'cert-gen ca --trust-domain example.org',
  `cert-gen server weather --san ${weather} --no-host-names`,
  'cert-gen client client-1 --san spiffe://example.org/agent',
]
const usual = ['--client-cert', 'certs/client-1.crt', '--client-key', 'certs/client-1.key']
const certificateIn = (cwd: string, name: string) => readCertificate(readFileSync(join(cwd, 'certs', name)))

/** The echo server under the certificate without host names. */
async function served(cwd: string): Promise<string> {
  const files = ['--server-cert', 'certs/weather.crt', '--server-key', 'certs/weather.key']
  const { process, printed, finished } = startCli(['serve', 'echo', '--tls-port', '0', '--json', ...files], {
    cwd,
  })
  onTestFinished(async () => {
    process.kill('SIGTERM')
    await finished
  })
  const [url] = await printed(/https:\/\/localhost:\d+\/mcp/)
  return url
}

test('cert-gen ca makes a CA for one trust domain, and certificates without host names from it', async () => {
  const cwd = await made(...set)
  const [ca, server, client] = ['ca.crt', 'weather.crt', 'client-1.crt'].map((name) =>
    certificateIn(cwd, name),
  )
  expect(ca).toMatchObject({ isCa: true, names: { uri: ['spiffe://example.org'] } })
  expect(server?.names).toEqual({ dns: [], ip: [], email: [], uri: [weather] })
  expect(client?.names.uri).toEqual(['spiffe://example.org/agent'])
  const { exitCode, stdout } = await runCli(['cert-check', '--json'], { cwd })
  expect(exitCode).toBe(0)
  const { certificates } = JSON.parse(stdout)
  expect(certificates[0]).toMatchObject({
    type: 'ca',
    names: ['spiffe://example.org'],
    trust_domain: 'example.org',
  })
  expect(certificates.slice(1).every((one: object) => !('trust_domain' in one))).toBe(true)
})

test('what a CA of one domain may not give is not issued', async () => {
  const cwd = await made(...set)
  const args = ['cert-gen', 'client', 'other', '--san', 'spiffe://partner.example/agent']
  const { exitCode, stderr } = await runCli(args, { cwd })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('it speaks for example.org alone')
})

test.each([
  ['cert-gen ca --trust-domain partner.example', 'does not speak for the trust domain partner.example'],
  [
    'cert-gen ca --trust-domain Example.org --force',
    'trustDomain: "Example.org" is not as in spiffe://example.org',
  ],
  ['cert-gen ca --demo-mode', 'there is no CA'],
  [
    'cert-gen server other --san a.example --no-host-names',
    'hostNames: false, and these are some: a.example',
  ],
  ['cert-gen --no-host-names', 'server.crt is there already and has host names'],
])('%s says what is wrong', async (command, words) => {
  const cwd = await made('cert-gen ca --trust-domain example.org', 'cert-gen')
  const { exitCode, stderr } = await runCli(command.split(' '), { cwd })
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain(words)
})

test('the mark of a CA outlives its rotation, and names outlive a renewal', async () => {
  const cwd = await made(...set, 'cert-rotate-ca', 'cert-renew --all')
  expect(certificateIn(cwd, 'ca.crt').names.uri).toEqual(['spiffe://example.org'])
  expect(certificateIn(cwd, 'weather.crt').names).toMatchObject({ dns: [], ip: [], uri: [weather] })
})

test('every command that connects asks for the identity of the server instead of its name', async () => {
  const cwd = await made(...set)
  const url = await served(cwd)
  const pin = `sha256:${publicKeyHash(certificateIn(cwd, 'weather.crt'))}`
  const config = (tls: object) => {
    const path = join(scratch(), 'servers.json')
    writeFileSync(path, JSON.stringify({ mcpServers: { echo: { url, tls } } }))
    return path
  }
  const plain = config({})
  const commands = [
    ['test-tls', url, '--json', ...usual],
    ['ask', 'echo hello', '--config', plain, ...usual],
    ['monitor', '--once', '--json', '--config', plain, ...usual],
    ['cert-check', url, '--json', ...usual],
    ['perf-test', '--quick', '--duration', '1s', '--concurrency', '1', '--json', '--mtls-url', url, ...usual],
  ]
  for (const command of commands) {
    const without = await runCli(command, { cwd })
    expect(without.exitCode, command[0]).not.toBe(0)
    expect(without.stdout + without.stderr, command[0]).toContain('SERVER_NAME_MISMATCH')
    expect(without.stdout + without.stderr, command[0]).toContain('--server-id')
    for (const id of [weather, pin]) {
      const found = await runCli([...command, '--server-id', 'spiffe://example.org/x', '--server-id', id], {
        cwd,
      })
      expect(found.exitCode, `${command[0]}: ${found.stdout}${found.stderr}`).toBe(0)
    }
    const other = await runCli([...command, '--server-id', 'spiffe://example.org/x'], { cwd })
    expect(other.exitCode, command[0]).not.toBe(0)
    const wrong = await runCli([...command, '--server-id', 'localhost'], { cwd })
    expect(wrong.stdout + wrong.stderr, command[0]).toContain('CONFIG_INVALID')
  }
  const ask = (path: string) => runCli(['ask', 'echo hello', '--config', path, ...usual], { cwd })
  expect((await ask(config({ serverId: weather }))).exitCode).toBe(0)
  expect((await ask(config({ serverId: [pin, weather] }))).exitCode).toBe(0)
  const refused = await ask(config({ serverId: 'spiffe://example.org/x' }))
  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toContain('SERVER_NAME_MISMATCH')
  // The entry knows better than the flag.
  const both = ['ask', 'echo hello', '--config', config({ serverId: weather }), ...usual]
  expect((await runCli([...both, '--server-id', 'spiffe://example.org/x'], { cwd })).exitCode).toBe(0)
})

test('--trust-domains binds CAs for what connects and for what checks files', async () => {
  const cwd = await made('cert-gen --san spiffe://example.org/server', 'cert-gen ca --cert-dir other')
  const check = (binding: string) => runCli(['cert-check', '--json', '--trust-domains', binding], { cwd })
  const good = await check('example.org=certs/ca.crt,partner.example=other/ca.crt')
  expect(good.exitCode).toBe(0)
  const domains = JSON.parse(good.stdout).certificates.map(
    (one: { trust_domain?: string }) => one.trust_domain,
  )
  expect(domains.filter(Boolean).sort()).toEqual(['example.org', 'partner.example'])
  const bad = await check('partner.example=certs/ca.crt')
  expect(bad.exitCode).toBe(2)
  expect(bad.stdout).toContain('it speaks for partner.example alone')
  const twice = await check('example.org=certs/ca.crt,partner.example=certs/ca.crt')
  expect(twice.exitCode).toBe(2)
  expect(twice.stdout).toContain('is bound to two trust domains')
})

test('a server that trusts several CAs and binds none says so, once, when it starts', async () => {
  const cwd = await made('cert-gen', 'cert-gen ca --cert-dir other')
  const [ours, theirs] = ['certs', 'other'].map((name) => readFileSync(join(cwd, name, 'ca.crt'), 'utf8'))
  writeFileSync(join(cwd, 'both.crt'), `${ours}${theirs}`)
  const warnings = async (...args: string[]) => {
    const { process, printed, finished } = startCli(['serve', 'echo', '--tls-port', '0', '--json', ...args], {
      cwd,
    })
    await printed(/^}\n/m)
    process.kill('SIGTERM')
    const { stderr } = await finished
    return stderr.split('\n').filter((line) => line.includes('"unbound-cas"'))
  }
  expect(await warnings()).toEqual([])
  expect(await warnings('--ca-cert', 'both.crt', '--trust-domains', 'example.org=certs/ca.crt')).toEqual([])
  const [warning, ...more] = await warnings('--ca-cert', 'both.crt')
  expect(warning).toContain('TLS_TRUST_DOMAINS')
  expect(more).toEqual([])
})
