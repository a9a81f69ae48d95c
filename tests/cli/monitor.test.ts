import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.js'
import { forge } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

let world: World
let served: Served
beforeAll(async () => {
  world = await makeWorld()
  served = await serveTest({ tls: world.tls })
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** A `mcpServers` file in a directory of its own. */
function configOf(servers: Readonly<Record<string, number>>): string {
  const path = join(scratch(), 'servers.json')
  const entries = Object.entries(servers).map(([name, port]) => [
    name,
    { url: `https://localhost:${port}/mcp` },
  ])
  writeFileSync(path, JSON.stringify({ mcpServers: Object.fromEntries(entries) }))
  return path
}

const once = (config: string, ...args: string[]) =>
  runCli(['monitor', '--once', '--config', config, '--cert-dir', world.certDir, ...args])

test('--once --json says how everything is: 0 all well, 1 something ends soon, 2 something is down', async () => {
  const well = configOf({ test: served.server.port })
  const { exitCode, stdout } = await once(well, '--json')
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    level: 'ok',
    servers: [{ name: 'test', state: 'up', latency_ms: expect.any(Number), tls: { version: 'TLSv1.3' } }],
    certificates: [{ type: expect.any(String) }, {}, {}],
  })
  expect(stdout).not.toMatch(/PRIVATE|BEGIN/)
  expect(await once(well, '--within', '100')).toMatchObject({ exitCode: 1 })
  const lost = configOf({ test: served.server.port, lost: await freePort() })
  const { exitCode: down, stdout: lines } = await once(lost)
  expect(down).toBe(2)
  expect(lines).toMatch(/^✓ {2}test +https:\S+ +up /m)
  expect(lines).toMatch(/^✗ {2}lost +https:\S+ +unreachable\n {4}CONNECTION_FAILED: .*\n {4}hint: ./m)
  expect(lines).toMatch(/^something is down or broken$/m)
})

test('certificates alone, from the directories that are named', async () => {
  await using other = await makeWorld()
  const alone = ['monitor', '--once', '--no-servers', '--json']
  const { exitCode, stdout } = await runCli([...alone, world.certDir, '--watch-dir', other.certDir])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ servers: [], certificates: { length: 6 } })
  expect(await runCli([...alone, join(world.certDir, 'nowhere')])).toMatchObject({ exitCode: 2 })
})

test.each([
  [['--interval', '1ms']],
  [['--port', '65536']],
  [['--within', 'soon']],
  [['--tls-enabled', 'false']],
  [['--config', 'nowhere.json']],
])('%j is bad usage', async (args) => {
  expect(await runCli(['monitor', ...args], { cwd: scratch() })).toMatchObject({ exitCode: 64 })
})

test('without TLS there is nothing to look at', async () => {
  const { exitCode, stderr } = await runCli(['monitor'], { cwd: scratch(), env: { TLS_ENABLED: 'false' } })
  expect(exitCode).toBe(64)
  expect(stderr).toMatch(/CONFIG_INVALID.*TLS is off/)
})

test('it goes on until a signal, serves its page, and runs a command at each change', async () => {
  // A name that would be a command, were it ever put into one.
  const hostile = '$(touch taken)`touch taken`;touch taken'
  const cwd = scratch()
  const client = await forge({
    issuer: world.ca,
    usage: 'client',
    commonName: hostile,
    notBefore: new Date(Date.now() - 10 * 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
  })
  await using ending = await makeWorld({ ca: world.ca, client })
  const config = configOf({ lost: await freePort() })
  const command = 'echo "told: $MONITOR_KIND $MONITOR_FROM $MONITOR_TO $MONITOR_LEVEL $MONITOR_NAME" && ls'
  const args = ['--config', config, '--cert-dir', ending.certDir, '--port', '0', '--interval', '500ms']
  const monitor = startCli(['monitor', ...args, '--exec', command], { cwd })
  const [, url = ''] = await monitor.printed(/^status page: (http:\/\/localhost:\d+\/)$/m)
  await monitor.printed(/^told: server unknown unreachable critical lost$/m)
  const [, name] = await monitor.printed(/^told: certificate unknown warning warning CN=(.*)$/m)
  expect(name).toBe('$(touch taken)`touch taken`\\;touch taken')
  expect(await (await fetch(`${url}health`)).json()).toMatchObject({ servers: { unreachable: 1 } })
  expect((await fetch(url)).headers.get('content-type')).toContain('text/html')

  const port = new URL(url).port
  const second = await runCli(['monitor', '--config', config, '--port', port], { cwd })
  expect(second).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('PORT_IN_USE') })

  monitor.process.kill('SIGINT')
  const { exitCode, stdout, stderr } = await monitor.finished
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/critical lost: cannot be reached: no connection/)
  expect(stdout + stderr).not.toMatch(/^taken$/m)
})
