import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { getJson } from '../support/call.js'
import { certificateDirectory } from '../support/certificates.js'
import { startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { ask } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const countOf = (path: string, event: string) =>
  readFileSync(path, 'utf8').split(`"event":"${event}"`).length - 1

const hasEvents = (path: string, event: string, count: number) =>
  expect.poll(() => countOf(path, event), { timeout: 10_000 }).toBe(count)

test('after rename and SIGHUP events go into a new file, for its owner alone', async () => {
  const certDir = await certificateDirectory()
  const path = join(scratch(), 'logs', 'security.log')
  const args = ['serve', 'all', '--cert-dir', certDir, '--security-log', path]
  const ports = ['weather', 'datetime', 'echo'].flatMap((name) => [`--${name}-mcp-tls-port`, '0'])
  const running = startCli([...args, ...ports], { cwd: scratch() })
  const [table] = await running.printed(/^weather-mcp [\s\S]*^echo-mcp .*$/m)
  const urls = table.match(/https:\S+/g) ?? []
  const visitAll = () => Promise.all(urls.map((url) => getJson(new URL('/health', url), certDir)))

  await visitAll()
  await hasEvents(path, 'connection-closed', 3)
  renameSync(path, `${path}.1`)
  running.process.kill('SIGHUP')
  await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true)
  const before = readFileSync(`${path}.1`, 'utf8')
  for (const { body } of await visitAll()) expect(body).toMatchObject({ status: 'ok', problems: [] })
  await hasEvents(path, 'connection-closed', 3)
  expect(readFileSync(`${path}.1`, 'utf8')).toBe(before)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  running.process.kill('SIGTERM')
  expect((await running.finished).exitCode).toBe(0)
})

test('where no new file can be opened that of before is written on, and the server says so until it can', async () => {
  await using world = await makeWorld()
  const folder = join(world.certDir, 'logs')
  const path = join(folder, 'security.log')
  await using served = await serveTest({ tls: world.tls, log: { level: 'silent', securityLog: path } })
  const kept = join(world.certDir, 'kept')
  renameSync(folder, kept)
  writeFileSync(folder, 'no directory')
  served.server.reopenLog()
  const first = served.server.health()
  expect(first).toMatchObject({ status: 'degraded', problems: [{ code: 'LOG_WRITE_FAILED' }] })
  expect(first.problems[0]?.message).toContain(path)
  served.server.reopenLog()
  expect(served.server.health().problems).toEqual(first.problems)
  const { status } = await ask(new URL('/readyz', served.server.url), world.certDir)
  expect(status).toBe(200)
  await hasEvents(join(kept, 'security.log'), 'connection-accepted', 1)

  rmSync(folder)
  served.server.reopenLog()
  expect(served.server.health()).toMatchObject({ status: 'ok', problems: [] })
  expect(readFileSync(path, 'utf8')).toBe('')
})

test('a client opens its log anew too', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const path = join(world.certDir, 'client.log')
  const log = { level: 'silent', securityLog: path }
  const client = await connect({ serverUrl: served.server.url, tls: world.tls, log })
  await hasEvents(path, 'connection-accepted', 1)
  renameSync(path, `${path}.1`)
  client.reopenLog()
  await client.close()
  await served.event('connection-closed')
  expect(countOf(`${path}.1`, 'connection-closed')).toBe(0)
  expect(countOf(path, 'connection-closed')).toBe(1)
})
