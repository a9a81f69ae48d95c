// Servers in other languages that do not know the CA of our certificate: what they say of it arrives.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { runCli } from '../support/cli.js'
import { forge, forgeCa } from '../support/forge.js'
import { describeWith, onPath } from '../support/tools.js'
import { makeWorld, type World } from '../support/world.js'

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
const versions = ['1.2', '1.3']

let world: World
let scratch: string
beforeAll(async () => {
  const client = await forge({ issuer: await forgeCa(), usage: 'client' })
  world = await makeWorld({ client })
  scratch = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
})
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  await world[Symbol.asyncDispose]()
})

async function started(program: string, ...args: string[]): Promise<string> {
  const child = spawn(program, args, { cwd: world.certDir, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [port] = await once(child.stdout, 'data')
  return `https://localhost:${String(port).trim()}/mcp`
}

/** What `connect` and `test-tls` make of a server. */
async function refusals(url: string) {
  const called = await connect({ serverUrl: url, tls: world.tls, log: false }).catch((error) => error)
  const { stdout } = await runCli(['test-tls', url, '--cert-dir', world.certDir, '--json'])
  const steps: { ok: boolean | null; code?: string; hint?: string }[] = JSON.parse(stdout).steps
  return { called, tested: steps.find(({ ok }) => ok === false) }
}

describeWith('Go', onPath('go') !== undefined, 'a server in Go', () => {
  beforeAll(() => {
    execFileSync('go', ['build', '-o', join(scratch, 'server'), fixture('server.go')], {
      env: { ...process.env, GO111MODULE: 'off', GOTOOLCHAIN: 'local' },
    })
  }, 120_000)

  test.each(versions)('over TLS %s says that it does not know the CA, and both tell it', async (version) => {
    const url = await started(join(scratch, 'server'), 'ca.crt', 'server.crt', 'server.key', version)
    const { called, tested } = await refusals(url)
    expect(called).toMatchObject({
      code: 'CLIENT_CERT_REJECTED',
      message: expect.stringContaining('does not trust the CA that issued it'),
    })
    expect(tested).toMatchObject({ code: called.code, hint: called.hint })
  })
})

describeWith('Java', onPath('javac') !== undefined, 'the HTTP server of Java', () => {
  beforeAll(() => {
    execFileSync('javac', ['-d', scratch, fixture('Server.java')])
    const store = ['-inkey', 'server.key', '-out', join(scratch, 'own.p12'), '-passout', 'pass:password']
    execFileSync('openssl', ['pkcs12', '-export', '-in', 'server.crt', ...store], { cwd: world.certDir })
  }, 120_000)

  test.each(versions)('over TLS %s says nothing, and both say that and where to look', async (version) => {
    const url = await started('java', '-cp', scratch, 'Server', 'ca.crt', join(scratch, 'own.p12'), version)
    const { called, tested } = await refusals(url)
    expect(called.name).toBe('MtlsError')
    expect(called.message).toMatch(
      /closed the connection before|ended the connection after our client certificate/,
    )
    for (const hint of [called.hint, tested?.hint]) expect(hint).toMatch(/certificate.* log/s)
  })
})
