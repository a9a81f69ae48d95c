import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { certificateDirectory } from '../support/certificates.js'
import { bin, runCli } from '../support/cli.js'
import { clientV1, clientV2, clientV2Auto, type Peer } from '../support/compare/clients.js'
import { freePort } from '../support/free-port.js'
import { scrape, value } from '../support/scraped.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest } from '../support/world.js'

/** The command, whose stdin ends at once; resolves when it has printed where it is. */
async function listening(...args: string[]) {
  const child = spawn(process.execPath, [bin, 'bridge', ...args], {
    cwd: scratch(),
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk) => (printed.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk) => (printed.stderr += chunk))
  const ended = once(child, 'close')
  await expect.poll(() => printed.stdout).toMatch(/\n$/)
  return { child, printed, ended, url: printed.stdout.trim() }
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'at %s it ends the sessions of its clients at the server, and prints nothing more',
  async (signal) => {
    await using world = await makeWorld()
    const healthPort = await freePort()
    await using served = await serveTest({ tls: world.tls, sessions: true, healthPort })
    const log = join(scratch(), 'bridge.log')
    const { child, printed, ended, url } = await listening(
      ...[served.server.url, '--listen', '127.0.0.1:0', '--cert-dir', world.certDir, '--log-file', log],
    )
    const peers: Peer[] = []
    for (const open of [clientV1, clientV2, clientV2]) peers.push(await open({ url }))
    const sessions = async () => value(await scrape(healthPort), 'sessions')
    expect(await sessions()).toBe(3)
    const [first, ...others] = peers
    await first?.[Symbol.asyncDispose]()
    await expect.poll(sessions).toBe(2)
    expect(JSON.stringify(await others[0]?.call('echo', { text: 'goes on' }))).toContain('goes on')
    child.kill(signal)
    expect(await ended).toEqual([0, null])
    await expect.poll(sessions).toBe(0)
    expect(printed.stdout).toBe(`${url}\n`)
    expect(readFileSync(log, 'utf8') + printed.stderr).not.toContain(new URL(url).pathname.slice(1))
    await Promise.allSettled(others.map((peer) => peer[Symbol.asyncDispose]()))
  },
)

test('clients of both eras are served at once', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, sessions: true })
  const { url } = await listening(
    ...[served.server.url, '--listen', 'localhost:0', '--cert-dir', world.certDir],
  )
  const texts = await Promise.all(
    [clientV1, clientV2, clientV2Auto].map(async (open, at) => {
      await using peer = await open({ url })
      return [peer.isModern, JSON.stringify(await peer.call('echo', { text: `client ${at}` }))] as const
    }),
  )
  expect(texts.map(([isModern]) => isModern)).toEqual([false, false, true])
  for (const [at, [, answer]] of texts.entries()) expect(answer).toContain(`client ${at}`)
})

test('a port that is taken ends it with words, and nothing on stdout', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address() as { port: number }
  const result = await runCli([
    ...['bridge', 'https://localhost:1/mcp', '--listen', `127.0.0.1:${port}`],
    ...['--cert-dir', await certificateDirectory()],
  ])
  expect(result).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringMatching(new RegExp(`PORT_IN_USE: 127\\.0\\.0\\.1:${port} is in use`)),
  })
})
