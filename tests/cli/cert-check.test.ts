import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCertificate } from '../../src/x509/certificate.js'
import { type RunOptions, runCli, startCli } from '../support/cli.js'
import { type ForgeOptions, forge, forgeCa, forgeCrl, writeSet } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

const check = (cwd: string, args: readonly string[] = [], options: RunOptions = {}) =>
  runCli(['cert-check', ...args], { cwd, ...options })
const days = (count: number) => new Date(Date.now() + count * 86_400_000)

/** A directory `certs` of a CA for a hundred days, with a server certificate as asked for; gives the directory above. */
async function folderWith(options: ForgeOptions = {}, revoked = false): Promise<string> {
  const cwd = scratch()
  const ca = await forgeCa({ notAfter: days(100) })
  const leaf = { issuer: ca, notAfter: days(90) }
  const server = await forge({ ...leaf, usage: 'server', ...options })
  const client = await forge({ ...leaf, usage: 'client' })
  const crl = revoked ? await forgeCrl({ issuer: ca, revoked: [server.serial] }) : undefined
  await writeSet(join(cwd, 'certs'), { ca, server, client, ...(crl ? { crl } : {}) })
  return cwd
}

test('what cert-gen made is healthy: a row for each certificate, exit code 0', async () => {
  const cwd = scratch()
  expect(await runCli(['cert-gen'], { cwd })).toMatchObject({ exitCode: 0 })
  const { exitCode, stdout, stderr } = await check(cwd)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(
    /^✓ {2}certs\/ca\.crt +ca +EC P-256 +until \d{4}-\d\d-\d\d, 36\d\d days +CN=mcp-mtls CA/m,
  )
  expect(stdout).toMatch(
    /^✓ {2}certs\/server\.crt +server .* 364 days +mcp-server, localhost, 127\.0\.0\.1, ::1$/m,
  )
  expect(stdout).toMatch(/^healthy: nothing ends soon$/m)
  expect((await check(cwd, ['--cert-dir', 'certs', '--demo-mode'])).exitCode).toBe(0)
  expect((await check(cwd, ['--within', '365'])).exitCode).toBe(1)
})

test('a CA kept elsewhere is checked with --ca-dir', async () => {
  const cwd = scratch()
  await runCli(['cert-gen', '--ca-dir', 'ca'], { cwd })
  const { exitCode, stdout } = await check(cwd, ['--ca-dir', 'ca'])
  expect(exitCode).toBe(0)
  for (const name of ['certs/ca.crt', 'certs/client.crt', 'ca/ca.crt']) expect(stdout).toContain(name)
  await runCli(['cert-gen', '--cert-dir', 'other'], { cwd })
  writeFileSync(join(cwd, 'ca/ca.key'), 'no key')
  expect(await check(cwd, ['--ca-dir', 'ca', '--json'])).toMatchObject({ exitCode: 2 })
})

test('demo certificates are healthy in demo mode only', async () => {
  const cwd = scratch()
  await runCli(['cert-gen', '--demo-mode'], { cwd })
  expect((await check(cwd)).exitCode).toBe(2)
  expect((await check(cwd, ['--demo-mode'])).exitCode).toBe(0)
  expect((await check(cwd, [], { env: { TLS_DEMO_MODE: 'true' } })).exitCode).toBe(0)
})

test('--json says everything of each certificate and nothing of a key', async () => {
  const cwd = await folderWith({
    uri: ['spiffe://example.org/weather'],
    notBefore: days(-300),
    notAfter: days(10.5),
  })
  const { exitCode, stdout } = await check(cwd, ['--json'])
  expect(exitCode).toBe(1)
  const { healthy, certificates } = JSON.parse(stdout)
  expect(healthy).toBe(false)
  expect(certificates).toHaveLength(3)
  const facts = readCertificate(readFileSync(join(cwd, 'certs/server.crt')))
  expect(certificates[1]).toEqual({
    path: join(cwd, 'certs/server.crt'),
    type: 'server',
    subject: 'CN=forged',
    issuer: 'CN=Forged CA',
    serial: facts.serial,
    names: ['localhost', '127.0.0.1', '::1', 'spiffe://example.org/weather'],
    not_before: facts.notBefore.toISOString(),
    not_after: facts.notAfter.toISOString(),
    days_left: 10,
    key: 'EC P-256',
    problems: [
      {
        code: 'CERT_EXPIRING',
        message: expect.stringContaining('CN=forged expires on'),
        hint: expect.stringContaining('cert-renew'),
      },
    ],
  })
  expect(stdout).not.toMatch(/PRIVATE|BEGIN/)
})

test.each<[string, ForgeOptions, boolean, number, string]>([
  ['healthy', {}, false, 0, 'healthy'],
  ['about to expire', { notBefore: days(-300), notAfter: days(20) }, false, 1, 'CERT_EXPIRING'],
  ['fresh for an hour', { notBefore: days(0), notAfter: days(1 / 24) }, false, 0, 'healthy'],
  ['expired', { notAfter: days(-0.5) }, false, 2, 'CERT_EXPIRED'],
  ['not yet valid', { notBefore: days(1) }, false, 2, 'CERT_NOT_YET_VALID'],
  ['revoked', {}, true, 2, 'CERT_REVOKED'],
  ['for clients', { usage: 'client' }, false, 2, 'CERT_INVALID'],
  ['weak', { keyType: 'rsa', keySize: 1024 }, false, 2, 'CERT_INVALID'],
])('a server certificate that is %s: exit code and problem', async (_title, options, revoked, exit, text) => {
  const cwd = await folderWith(options, revoked)
  const { exitCode, stdout } = await check(cwd)
  expect(exitCode).toBe(exit)
  expect(stdout).toContain(text)
  if (exit > 0) expect(stdout).toMatch(/^ {4}hint: ./m)
})

test.each([[['certs']], [['certs/server.crt']], [['certs/server.crt', 'certs/server.key']]])(
  '%j is checked as it is named',
  async (what) => {
    const cwd = await folderWith({ notAfter: days(-0.5) })
    const { exitCode, stdout } = await check(cwd, what)
    expect(exitCode).toBe(2)
    expect(stdout).toContain('CERT_EXPIRED')
    expect(stdout.includes('client.crt')).toBe(what[0] === 'certs')
  },
)

test('the files that the settings name are checked too, with the CA that they name', async () => {
  const cwd = scratch()
  const ca = await forgeCa()
  const server = await forge({ issuer: ca, usage: 'server' })
  for (const [name, text] of Object.entries({
    'root.pem': ca.cert,
    'tls.crt': server.cert,
    'tls.key': server.key,
  }))
    writeFileSync(join(cwd, name), text, { mode: 0o600 })
  await runCli(['cert-gen'], { cwd })
  const env = { TLS_CA_CERT: 'root.pem', TLS_SERVER_CERT: 'tls.crt', TLS_SERVER_KEY: 'tls.key' }
  const { stdout } = await check(cwd, [], { env })
  expect(stdout).toMatch(/^✓ {2}tls\.crt /m)
  expect(stdout).toMatch(/^✗ {2}certs\/server\.crt /m)
  expect(await check(cwd, ['tls.crt'], { env })).toMatchObject({ exitCode: 0 })
})

test('names and paths from strangers are shown, never obeyed', async () => {
  const cwd = scratch()
  const evil = await forge({
    usage: 'server',
    dns: ['\x1b[2Jevil'],
    commonName: 'e\x1b]0;x\x07vil',
    isCa: true,
  })
  writeFileSync(join(cwd, 'a\x1b[31mb.crt'), evil.cert)
  for (const args of [['.'], ['.', '--json']]) {
    const { exitCode, stdout, stderr } = await check(cwd, args)
    expect(exitCode).toBe(0)
    for (const control of ['\x1b', '\x07']) expect(stdout + stderr).not.toContain(control)
    expect(stdout).toContain('evil')
  }
})

test('what cannot be read is a line and exit code 2', async () => {
  const cwd = scratch()
  writeFileSync(join(cwd, 'junk.crt'), 'junk')
  const { exitCode, stdout, stderr } = await check(cwd, ['junk.crt', 'absent.crt', 'nowhere'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' })
  expect(stdout).toMatch(/^✗ {2}junk\.crt .*\n {4}CERT_INVALID: /m)
  expect(stdout).toMatch(/^✗ {2}absent\.crt .*\n {4}CERT_NOT_FOUND: /m)
  expect(stdout).toMatch(/^✗ {2}nowhere .*\n {4}CERT_DIR_NOT_FOUND: /m)
  expect(stdout).toContain('not healthy: 3 broken or expired, of 3')
  expect((await check(cwd)).exitCode).toBe(2)
})

test.each([
  [['--within', 'soon']],
  [['--within', '-1']],
  [['--watch=never']],
  [['http://localhost:8443']],
  [['ftp://localhost']],
  [['https://']],
  [['--demo-mode', 'https://example.org']],
  [['--min-version', 'SSLv3']],
  [['--nonsense']],
])('%j is bad usage', async (args) => {
  expect(await check(scratch(), args)).toMatchObject({
    exitCode: 64,
    stdout: '',
    stderr: expect.stringMatching(/^error: CONFIG_INVALID: /),
  })
})

test('a server named without https:// is told how it is named', async () => {
  const { exitCode, stderr } = await check(scratch(), ['localhost:8443'])
  expect(exitCode).toBe(64)
  expect(stderr).toMatch(/did you mean https:\/\/localhost:8443\/mcp\?/)
})

test('a live server is judged with our CA and shown our certificate', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const url = `https://localhost:${served.server.port}`
  const cwd = scratch()
  const good = await check(cwd, [`${url}/mcp`, '--cert-dir', world.certDir])
  expect(good.exitCode).toBe(0)
  expect(good.stdout).toMatch(/^✓ {2}https:\/\/localhost:\d+ +server .* localhost, 127\.0\.0\.1, ::1$/m)
  expect(good.stdout).toMatch(/^ {4}TLSv1\.3, TLS_\w+, .*asks for a client certificate$/m)
  const { connection } = await served.event('connection-accepted')
  expect(connection.peerCertificate?.serial).toBe(world.client.serial)
  const { stdout } = await check(cwd, [url, '--cert-dir', world.certDir, '--json'])
  expect(JSON.parse(stdout).certificates[0]).toMatchObject({
    path: url,
    serial: world.server.serial,
    tls: { version: 'TLSv1.3', client_certificate_requested: true },
    problems: [],
  })
  await runCli(['cert-gen'], { cwd })
  const strange = await check(cwd, [url])
  expect(strange.exitCode).toBe(2)
  expect(strange.stdout).toContain('which is not a trusted CA here')
})

test('--watch tells what changed when files change, and ends with the exit code of the last state', async () => {
  const cwd = await folderWith()
  const healthy = join(cwd, 'certs')
  const { process, printed, finished } = startCli(
    ['cert-check', '--watch', '60s', 'certs', '--ca-cert', 'certs/ca.crt'],
    {
      cwd,
    },
  )
  await printed(/^healthy/m)
  const ca = await forgeCa({ commonName: 'Other CA', notAfter: days(100) })
  const stranger = await forge({ issuer: ca, usage: 'server' })
  writeFileSync(join(healthy, 'server.key'), stranger.key)
  await printed(/^\d{4}-\d\d-\d\dT.*Z\n✗(?:.|\n)*KEY_MISMATCH(?:.|\n)*not healthy/m)
  rmSync(join(healthy, 'client.crt'))
  rmSync(join(healthy, 'client.key'))
  await printed(/^gone: certs\/client\.crt$/m)
  process.kill('SIGTERM')
  const { exitCode, stdout, stderr } = await finished
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' })
  expect(stdout.match(/^✓ {2}certs\/client\.crt/gm)).toHaveLength(1)
})

test('--watch swallows no argument, looks again at its interval, and --json gives an object per change', async () => {
  await using world = await makeWorld({ server: await forge({ usage: 'server' }) })
  const { process, printed, finished } = startCli(['cert-check', '--watch', world.certDir, '--json'])
  await printed(/"healthy": false/)
  process.kill('SIGINT')
  expect((await finished).exitCode).toBe(2)

  await using other = await makeWorld()
  const live = await serveTest({ tls: other.tls })
  const url = `https://localhost:${live.server.port}`
  const watching = startCli(['cert-check', url, '--watch', '50ms', '--cert-dir', other.certDir])
  await watching.printed(/^✓/m)
  await live[Symbol.asyncDispose]()
  await watching.printed(/CONNECTION_FAILED/)
  watching.process.kill('SIGTERM')
  expect((await watching.finished).exitCode).toBe(2)
})
