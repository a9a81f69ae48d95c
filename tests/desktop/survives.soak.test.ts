import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { backupOf } from '../../src/desktop/client-file.js'
import { desktopClients } from '../../src/desktop/clients.js'
import { install, ownServers, uninstall } from '../../src/desktop/install.js'
import { bin } from '../support/cli.js'
import { launch } from '../support/desktop.js'
import { scratch } from '../support/scratch.js'
import { tier } from '../support/tier.js'

// What a client's file goes through: writers that are killed, several at once, disks that fill up.

const desktop = pathToFileURL(join(bin, '../../desktop/install.js')).href
const clients = pathToFileURL(join(bin, '../../desktop/clients.js')).href
const client = desktopClients.cursor
const at = (path: string) => ({ client, scope: 'user', path }) as const
const wanted = { name: 'weather', launch: launch(), isChosen: false }
const text = `{\n  // mine\n  "mcpServers": {\n    "other": { "command": "npx" }\n  },\n  "history": "${'x'.repeat(100_000)}"\n}\n`

function clientFile(): string {
  const path = join(scratch(), 'mcp.json')
  writeFileSync(path, text)
  return path
}

/** What another process runs; its arguments follow. */
const preamble = `
  import fs from 'node:fs/promises'
  import { syncBuiltinESMExports } from 'node:module'
  const [desktop, clients, wanted, path, work, step] = process.argv.slice(1)
  const place = async () => ({ client: (await import(clients)).desktopClients.cursor, scope: 'user', path })
  const options = JSON.parse(wanted)
  const run = async () => {
    const { install, uninstall } = await import(desktop)
    return work === 'install' ? install(await place(), options) : uninstall(await place(), options.name)
  }`

/** Kills itself before step number \`step\` of those that change a file system. */
const killedAtStep = `${preamble}
  let count = 0
  for (const name of ['open', 'rename', 'rm', 'symlink']) {
    const real = fs[name]
    fs[name] = (...args) => {
      if (count++ === Number(step)) process.kill(process.pid, 'SIGKILL')
      return real(...args)
    }
  }
  syncBuiltinESMExports()
  await run()`

/** Puts it in and takes it out, again and again. */
const restless = `${preamble}
  const { install, uninstall } = await import(desktop)
  console.log('begun')
  for (;;) {
    await install(await place(), options)
    await uninstall(await place(), options.name)
  }`

function child(script: string, ...args: string[]): ChildProcess {
  const all = ['--input-type=module', '--eval', script, desktop, clients, JSON.stringify(wanted), ...args]
  return spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** It is the text without the server, or the one with it, and what it was before its last change is beside it; the next writer cleans up. */
async function expectWhole(path: string, withServer: string, before?: string): Promise<void> {
  const whole = [text, withServer]
  const now = readFileSync(path, 'utf8')
  expect(whole.includes(now)).toBe(true)
  const isChanged = before !== undefined && now !== before
  if (isChanged || existsSync(backupOf(path))) {
    const backup = readFileSync(backupOf(path), 'utf8')
    expect(isChanged ? backup === before : whole.includes(backup)).toBe(true)
  }
  await install(at(path), wanted)
  expect(readFileSync(path, 'utf8')).toBe(withServer)
  await uninstall(at(path), 'weather')
  expect(readFileSync(path, 'utf8')).toBe(text)
  expect(readdirSync(join(path, '..')).sort()).toEqual(['mcp.json', 'mcp.json.mcp-mtls.bak'])
}

async function withServer(): Promise<string> {
  const path = clientFile()
  await install(at(path), wanted)
  return readFileSync(path, 'utf8')
}

test.each(['install', 'uninstall'])(
  '%s: killed at any step, the file is whole',
  { timeout: 900_000 },
  async (work) => {
    const full = await withServer()
    let steps = 0
    for (let step = 0; ; step += tier(3, 1)) {
      const path = clientFile()
      if (work === 'uninstall') await install(at(path), wanted)
      const [exitCode, signal] = await once(child(killedAtStep, path, work, String(step)), 'exit')
      if (signal === null) {
        expect(exitCode).toBe(0)
        break
      }
      await expectWhole(path, full, work === 'install' ? text : full)
      steps = step
    }
    expect(steps).toBeGreaterThan(5)
  },
)

test('killed at any moment, the file is whole', { timeout: 900_000 }, async () => {
  const full = await withServer()
  const path = clientFile()
  for (let kill = 0; kill < tier(5, 100); kill++) {
    const writer = child(restless, path, 'both')
    await once(writer.stdout as NodeJS.ReadableStream, 'data')
    await delay(Math.random() * 100) // any moment will do
    writer.kill('SIGKILL')
    await once(writer, 'close')
    await expectWhole(path, full)
  }
})

test('a disk that is full changes nothing', async () => {
  const path = clientFile()
  // No file may become larger than so many blocks, which is less than the file is.
  const limited = ['-c', 'ulimit -f 100; exec "$@"', 'sh', process.execPath]
  const script = `${preamble}
    console.log(await run().then(() => 'done', ({ code, message }) => code + ' ' + message))`
  const args = [
    '--input-type=module',
    '--eval',
    script,
    desktop,
    clients,
    JSON.stringify(wanted),
    path,
    'install',
  ]
  const { stdout, stderr } = spawnSync('sh', [...limited, ...args], { encoding: 'utf8' })
  expect(`${stdout}${stderr}`).toContain('CLIENT_CONFIG_FAILED')
  expect(stdout).toContain('cannot be written: the file size limit is reached')
  expect(readFileSync(path, 'utf8')).toBe(text)
  expect(readdirSync(join(path, '..'))).toEqual(['mcp.json'])
})

test('processes that write at once lose nothing of each other', async () => {
  const path = clientFile()
  const script = `${preamble}
    const { install } = await import(desktop)
    await install(await place(), { ...options, name: work })`
  const names = Array.from({ length: tier(4, 12) }, (_, number) => `server-${number}`)
  const codes = await Promise.all(
    names.map(async (name) => (await once(child(script, path, name), 'exit'))[0]),
  )
  expect(new Set(codes)).toEqual(new Set([0]))
  expect((await ownServers(at(path))).map(({ name }) => name).sort()).toEqual(names.toSorted())
  expect(readdirSync(join(path, '..')).sort()).toEqual(['mcp.json', 'mcp.json.mcp-mtls.bak'])
  expect(readFileSync(backupOf(path), 'utf8')).toContain('// mine')
})
