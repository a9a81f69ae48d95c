import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { bin, runProcess } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { tier } from '../support/tier.js'

// What a directory goes through in the field: writers that die, disks that fill up, several writers at once.

const pki = pathToFileURL(join(bin, '../../pki/index.js')).href
const usual = ['ca.crt', 'ca.key', 'client.crt', 'client.key', 'server.crt', 'server.key']
const readable = (certDir: string) => usual.filter((name) => existsSync(join(certDir, name)))
const contents = (certDir: string) => usual.map((name) => readFileSync(join(certDir, name), 'utf8'))

function child(script: string, ...args: string[]): ChildProcess {
  const all = ['--input-type=module', '--eval', script, pki, ...args]
  return spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** It is whole: reading it finds nothing to complain about and nothing to add. */
async function expectWholeSet(certDir: string): Promise<void> {
  const { entries } = await makeCertificateSet({ certDir })
  expect(entries.map(({ isNew }) => isNew)).toEqual([false, false, false])
  for (const name of usual)
    expect(statSync(join(certDir, name)).mode & 0o777).toBe(name.endsWith('.key') ? 0o600 : 0o644)
}

function leftovers(certDir: string): string[] {
  const names = [certDir, join(certDir, '.generations'), join(certDir, 'issued')].flatMap((folder) =>
    readdirSync(folder),
  )
  return names.filter((name) => name.startsWith('.tmp') || name.startsWith('.lock'))
}

// Counts the steps that change a file system, and kills the process before step number `last`.
const killedAtStep = `
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
const [pki, certDir, last, newSet] = process.argv.slice(1)
let step = 0
for (const name of ['mkdir', 'mkdtemp', 'open', 'rename', 'rm', 'symlink']) {
  const real = fs[name]
  fs[name] = (...args) => {
    if (step++ === Number(last)) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
}
syncBuiltinESMExports()
const { CertificateStore } = await import(new URL('store/store.js', pki))
const store = new CertificateStore(certDir)
await store.exclusively(() => store.commit(new Map(Object.entries(JSON.parse(newSet)))))
`

/** A set of plain files, as another tool leaves it: replacing them takes every step there is. */
async function plainSet(certDir: string): Promise<void> {
  mkdirSync(certDir)
  for (const [name, text] of Object.entries(await freshSet()))
    writeFileSync(join(certDir, name), text, { mode: name.endsWith('.key') ? 0o600 : 0o644 })
}

async function freshSet(): Promise<Record<string, string>> {
  const certDir = scratch()
  await makeCertificateSet({ certDir })
  return Object.fromEntries(usual.map((name) => [name, readFileSync(join(certDir, name), 'utf8')]))
}

async function killAtEveryStep(
  prepare: (certDir: string) => Promise<void>,
  check: (certDir: string) => Promise<void>,
): Promise<void> {
  const newSet = JSON.stringify(await freshSet())
  for (let step = 0; ; step += tier(5, 1)) {
    const certDir = join(scratch(), 'certs')
    await prepare(certDir)
    const [exitCode, signal] = await once(child(killedAtStep, certDir, String(step), newSet), 'exit')
    await check(certDir)
    if (signal === null) {
      expect(exitCode).toBe(0)
      expect(step).toBeGreaterThan(15)
      return
    }
    expect(signal).toBe('SIGKILL')
  }
}

test('a kill at any step of a replacement leaves the old or the new set, and the next run cleans up', async () => {
  await killAtEveryStep(plainSet, async (certDir) => {
    await expectWholeSet(certDir)
    await makeCertificateSet({ certDir, force: true })
    expect(leftovers(certDir)).toEqual([])
  })
})

test('a kill at any step of the first run leaves nothing or everything, and the next run completes it', async () => {
  const nothing = async () => undefined
  await killAtEveryStep(nothing, async (certDir) => {
    expect([0, usual.length]).toContain(readable(certDir).length)
    await makeCertificateSet({ certDir })
    await expectWholeSet(certDir)
  })
})

test('kills at random moments leave a whole set', async () => {
  const certDir = join(scratch(), 'certs')
  await makeCertificateSet({ certDir })
  const forever = `
    const { makeCertificateSet } = await import(process.argv[1])
    for (;;) { await makeCertificateSet({ certDir: process.argv[2], force: true }); process.stdout.write('.') }`
  for (let round = 0; round < tier(2, 100); round++) {
    const writer = child(forever, certDir)
    await Promise.race([
      once(writer.stdout ?? writer, 'data'),
      once(writer, 'exit').then(() => expect.unreachable()),
    ])
    await delay(Math.random() * 40) // any moment will do
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    await expectWholeSet(certDir)
  }
})

test('several processes at once all succeed, and leave one whole set', async () => {
  const cwd = scratch()
  const runs = [[], [], ['--force'], ['--force'], ['client', 'agent']]
  const results = await Promise.all(runs.map((args) => runProcess(['cert-gen', ...args], { cwd })))
  for (const { exitCode, stderr } of results) expect(exitCode, stderr).toBe(0)
  await expectWholeSet(join(cwd, 'certs'))
  expect(leftovers(join(cwd, 'certs'))).toEqual([])
})

test.each([[[]], [['--demo-mode']]])('a full disk changes nothing %j', async (args) => {
  const certDir = join(scratch(), 'certs')
  await makeCertificateSet({ certDir })
  const before = contents(certDir)
  // One block of 512 bytes (1024 in some shells) holds a key and no certificate of this name.
  const script = 'ulimit -f 1 && exec "$0" "$@"'
  const options = ['--cert-dir', certDir, '--force', '--organization', 'x'.repeat(64), '--key-type', 'rsa']
  const full = spawn('sh', ['-c', script, process.execPath, bin, 'cert-gen', ...options, ...args])
  let stderr = ''
  full.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  const [exitCode] = await once(full, 'close')
  expect(stderr).toMatch(/^error: CERT_WRITE_FAILED: .* cannot be written/)
  expect(stderr).not.toContain('PRIVATE')
  expect(exitCode).toBe(1)
  expect(contents(certDir)).toEqual(before)
  await expectWholeSet(certDir)
  await makeCertificateSet({ certDir, force: true })
  expect(leftovers(certDir)).toEqual([])
})

test('a directory without permission to write is an error that says so, and stays as it is', async () => {
  const parent = scratch()
  const certDir = join(parent, 'certs')
  mkdirSync(certDir)
  chmodSync(certDir, 0o555)
  chmodSync(parent, 0o755)
  // Root may write anywhere: become somebody else once everything is loaded.
  const script = `
    const { createAuthority, makeCertificateSet } = await import(process.argv[1])
    await createAuthority()
    if (process.getuid() === 0) process.seteuid(65534)
    await makeCertificateSet({ certDir: process.argv[2] }).catch((error) => process.stdout.write(JSON.stringify(error)))`
  const writer = child(script, certDir)
  let stdout = ''
  writer.stdout?.setEncoding('utf8').on('data', (chunk) => (stdout += chunk))
  await once(writer, 'close')
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'CERT_WRITE_FAILED',
    message: `${certDir} cannot be written: permission denied`,
  })
  expect(readdirSync(certDir)).toEqual([])
})
