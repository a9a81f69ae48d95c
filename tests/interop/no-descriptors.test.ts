import { spawnSync } from 'node:child_process'
import { Agent, get } from 'node:https'
import { createConnection, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { bin } from '../support/cli.js'
import { describeWith } from '../support/tools.js'
import { startWith, unreadPipe } from '../support/unread.js'
import { clientTls } from '../support/wire.js'
import { makeWorld } from '../support/world.js'

/** Asks over one connection that stays open. */
function asker(at: string, certDir: string): (path: string) => Promise<string> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, servername: 'localhost', ...clientTls(certDir) })
  onTestFinished(() => agent.destroy())
  return (path) =>
    new Promise((resolve, reject) => {
      get(new URL(path, at), { agent }, (response) => text(response).then(resolve, reject)).on(
        'error',
        reject,
      )
    })
}

describeWith('Linux', process.platform === 'linux', 'a process without descriptors', () => {
  test('says so when it has too few to start', () => {
    const command = ['-c', 'ulimit -n 40; exec "$@"', 'sh', process.execPath, bin, 'serve', 'echo']
    const { status, stderr } = spawnSync('sh', command, { encoding: 'utf8' })
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^error: (CONFIG_INVALID: )?no more files can be opened \(EMFILE\)\nhint: .*ulimit -n.*\n$/,
      ),
    ])
  })

  test('says so once in its log, in /health and in its metrics, and recovers', async () => {
    await using world = await makeWorld()
    const log = unreadPipe()
    const serve = [process.execPath, bin, 'serve', 'echo', '--tls-port', '0', '--cert-dir', world.certDir]
    const args = ['-c', 'ulimit -n 128; exec "$@"', 'sh', ...serve, '--handshake-timeout', '60s']
    const started = startWith(['pipe', log.writer], 'sh', args)
    const at = await started.said(/https:\S+\/mcp\b/)
    const asks = asker(at, world.certDir)
    const problems = async () => JSON.parse(await asks('/health')).problems
    expect(await problems()).toEqual([])

    const silent = Array.from({ length: 200 }, (): Socket => {
      const socket = createConnection(Number(new URL(at).port), '127.0.0.1')
      return socket.on('error', () => {})
    })
    onTestFinished(() => silent.forEach((socket) => void socket.destroy()))
    await expect.poll(problems, { timeout: 20_000 }).toEqual([
      {
        code: 'CONNECTION_FAILED',
        message: expect.stringMatching(/^no connection can be accepted: .*\(EMFILE\).*ulimit -n/),
        since: expect.stringMatching(/^\d{4}-/),
      },
    ])
    expect(JSON.parse(await asks('/readyz')).status).toBe('ok')
    expect(await asks('/metrics')).toMatch(/^mcp_mtls_accept_failures_total(\{.*\})? [1-9]/m)

    for (const socket of silent) socket.destroy()
    await expect.poll(problems, { timeout: 20_000 }).toEqual([])
    expect(await asker(at, world.certDir)('/livez')).toContain('ok')
    started.child.kill('SIGTERM')
    expect(await started.exited).toEqual([0, null])
    expect(log.read().match(/"event":"accept-failed"/g)).toHaveLength(1)
  })
})
