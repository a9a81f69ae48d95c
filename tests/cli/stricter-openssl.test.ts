import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli, runProcess, startCli } from '../support/cli.js'
import { forge, forgeCa, writeSet } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

/** A directory, and the environment of a machine that wants 128 bits of strength: RSA of 3072 bits, EC of 256. */
function strictMachine() {
  const cwd = scratch()
  const path = join(cwd, 'openssl.cnf')
  // Node reads a section of its own; one that shares the system's OpenSSL, the other.
  writeFileSync(
    path,
    'nodejs_conf = init\nopenssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = policy\n[policy]\nCipherString = DEFAULT@SECLEVEL=3\n',
  )
  return { cwd, env: { OPENSSL_CONF: path } }
}

const stronger =
  'hint: Make stronger ones in a new directory, `mcp-mtls cert-gen --key-type ec-p384 --cert-dir DIR`'

test('a server with a key that is too weak for this machine says so, and how to make one that is not', async () => {
  const machine = strictMachine()
  await runCli(['cert-gen', '--key-type', 'rsa'], machine)
  const { exitCode, stderr } = await runProcess(['serve', 'echo', '--tls-port', '0'], machine)
  expect(stderr).toContain(
    'CERT_INVALID: the server certificate CN=mcp-server cannot be used: its key is weaker than the security level of OpenSSL on this machine demands (ERR_SSL_EE_KEY_TOO_SMALL)',
  )
  expect(stderr).toContain(stronger)
  expect(exitCode).toBe(1)
  const make = /`mcp-mtls (.*?)`/.exec(stderr)?.[1]?.split(' ') ?? []
  expect(await runProcess(make, machine)).toMatchObject({ exitCode: 0 })
  await startCli(['serve', 'echo', '--tls-port', '0', '--cert-dir', 'DIR'], machine).printed(/^echo-mcp /m)
})

test('so does test-tls of the certificate of the client', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const rsa = await forge({ issuer: world.ca, usage: 'client', keyType: 'rsa' })
  await using client = await makeWorld({ ca: world.ca, client: rsa })
  const args = ['test-tls', served.server.url, '--cert-dir', client.certDir]
  const { stdout } = await runProcess(args, strictMachine())
  expect(stdout).toContain(
    '✗ own certificate     the client certificate CN=forged cannot be used: its key is weaker than',
  )
  expect(stdout).toContain(stronger)
})

test('a CA between that is too weak is told from a leaf that is', async () => {
  const machine = strictMachine()
  const ca = await forgeCa()
  const between = await forge({
    issuer: ca,
    commonName: 'Between',
    isCa: true,
    usage: 'none',
    keyType: 'rsa',
  })
  const server = await forge({ issuer: between, usage: 'server' })
  const client = await forge({ issuer: ca, usage: 'client' })
  await writeSet(machine.cwd, { ca, server: { ...server, cert: server.cert + between.cert }, client })
  const { stderr } = await runProcess(
    ['serve', 'echo', '--tls-port', '0', '--cert-dir', machine.cwd],
    machine,
  )
  expect(stderr).toContain('cannot be used: the key of a CA above it is weaker than')
  expect(readFileSync(join(machine.cwd, 'server.crt'), 'utf8')).toContain(between.cert.trim())
})

test('a peer that is too weak for the other machine reads why', async () => {
  const machine = strictMachine()
  const rsa = { keyType: 'rsa' } as const
  const ca = await forgeCa()
  const strong = await makeWorld({ ca })
  await using weak = await makeWorld({
    ca,
    server: await forge({ issuer: ca, usage: 'server', ...rsa }),
    client: await forge({ issuer: ca, usage: 'client', commonName: 'weak', ...rsa }),
  })
  await using _ = strong
  const words =
    'has a key that is weaker than the machine that refuses it demands (the security level of its OpenSSL)'
  const serve = startCli(['serve', 'echo', '--tls-port', '0', '--cert-dir', strong.certDir], machine)
  const [url] = await serve.printed(/https:\/\/localhost:\d+\/mcp/)
  const { stdout } = await runCli(['test-tls', url, '--cert-dir', weak.certDir], { cwd: machine.cwd })
  expect(stdout).toContain(`refused our client certificate: certificate CN=weak ${words}`)
  await using served = await serveTest({ tls: weak.tls })
  const judged = await runProcess(['test-tls', served.server.url, '--cert-dir', strong.certDir], machine)
  expect(judged.stdout).toContain(words)
})
