import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { getJson } from '../support/call.js'
import { certificateDirectory } from '../support/certificates.js'
import { startCli, startNode } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'

/** The error code of a connection that nobody takes. */
async function refusalAt(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1')
  return Promise.race([
    once(socket, 'connect').then(() => socket.destroy() && 'somebody listens'),
    new Promise<string>((resolve) =>
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? '')),
    ),
  ])
}

test.each([
  ['monitor --no-servers --port 0', /status page/],
  ['cert-renew --daemon', /next is due/],
  ['cert-check --watch', /healthy/],
])('%s takes SIGUSR1 and SIGUSR2 with a line each, and opens no debugger', async (line, started) => {
  const cwd = scratch()
  await makeCertificateSet({ certDir: join(cwd, 'certs') })
  const debuggerPort = await freePort()
  const running = startCli(line.split(' '), { cwd, node: [`--inspect-port=${debuggerPort}`] })
  await running.printed(started)
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    running.process.kill(signal)
    await running.printed(new RegExp(`^note: ${signal} does nothing here$`, 'm'))
  }
  expect(await refusalAt(debuggerPort)).toBe('ECONNREFUSED')
  running.process.kill('SIGTERM')
  const { exitCode, stderr } = await running.finished
  expect(exitCode).toBe(0)
  expect(stderr.match(/SIGUSR/g)).toHaveLength(2)
  expect(stderr).not.toContain('Debugger')
})

test('serve tells them in its log, and serves on', async () => {
  const certDir = await certificateDirectory()
  const debuggerPort = await freePort()
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir, '--json']
  const running = startCli(args, { cwd: scratch(), node: [`--inspect-port=${debuggerPort}`] })
  const [url = ''] = await running.printed(/https:\S+\/mcp\b/)
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    running.process.kill(signal)
    await running.printed(new RegExp(`${signal} does nothing here`))
  }
  expect(await refusalAt(debuggerPort)).toBe('ECONNREFUSED')
  expect((await getJson(new URL('/health', url), certDir)).status).toBe(200)
  running.process.kill('SIGTERM')
  const { exitCode, stderr } = await running.finished
  expect(exitCode).toBe(0)
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const told = lines.filter(({ event }) => event === 'signal-ignored')
  expect(told).toEqual([
    expect.objectContaining({ level: 40, signal: 'SIGUSR1', msg: 'SIGUSR1 does nothing here' }),
    expect.objectContaining({ level: 40, signal: 'SIGUSR2' }),
  ])
})

test('they are taken before the command is loaded', async () => {
  // Sent in the moment in which it begins to listen.
  const send = `process.on('newListener', (name) => name === 'SIGUSR2' && process.kill(process.pid, 'SIGUSR1'))`
  const node = ['--import', `data:text/javascript,${encodeURIComponent(send)}`]
  const running = startCli(['monitor', '--no-servers', '--port', '0'], { cwd: scratch(), node })
  await running.printed(/^note: SIGUSR1 does nothing here$/m)
  await running.printed(/status page/)
  running.process.kill('SIGTERM')
  const { exitCode, stderr } = await running.finished
  expect(exitCode).toBe(0)
  expect(stderr).not.toContain('Debugger')
})

test.each([
  ['that opened before is shut', [], 'closed'],
  ['that was asked for is left', ['--inspect=127.0.0.1:0'], 'open'],
])('a debugger %s', async (_what, node, state) => {
  const script = `
    import inspector from 'node:inspector'
    import { takeUserSignals } from ${JSON.stringify(new URL('../../dist/cli/io/signals.js', import.meta.url).href)}
    if (inspector.url() === undefined) inspector.open(0)
    takeUserSignals(process.execArgv)
    console.log(inspector.url() === undefined ? 'closed' : 'open')
    process.exit()`
  const { stdout } = await startNode([...node, '--input-type=module', '--eval', script]).finished
  expect(stdout).toBe(`${state}\n`)
})

test('SIGHUP while serve starts does not end it', async () => {
  const certDir = await certificateDirectory()
  const send = `process.on('newListener', (name) => name === 'SIGHUP' && setImmediate(() => process.kill(process.pid, 'SIGHUP')))`
  const node = ['--import', `data:text/javascript,${encodeURIComponent(send)}`]
  const args = ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir]
  const running = startCli(args, { cwd: scratch(), node })
  await running.printed(/^echo-mcp /m)
  running.process.kill('SIGTERM')
  expect((await running.finished).exitCode).toBe(0)
})
