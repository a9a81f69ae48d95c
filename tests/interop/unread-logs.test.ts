// Pipes and terminals that nobody reads, and what Linux has for it: /proc/self/fd, /dev/full.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { LogDestination, openAppending } from '../../src/tls/log/destination.js'
import { bin, startCli } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'
import { type Started, startWith, unreadPipe } from '../support/unread.js'
import { ask, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const linux = process.platform === 'linux'

/** For servers: certificates that are gone when the test ends. */
async function certificates(): Promise<string> {
  const world = await makeWorld()
  onTestFinished(() => world[Symbol.asyncDispose]())
  return world.certDir
}

async function inTurns(count: number, visit: (turn: number) => Promise<unknown>): Promise<void> {
  let turn = 0
  const visitor = async () => {
    while (turn < count) await visit(turn++)
  }
  await Promise.all(Array.from({ length: 8 }, visitor))
}

/** So many that speak no TLS, of so many addresses that sums do not hide them. */
function strangers(count: number, port: number): Promise<void> {
  return inTurns(count, (turn) => {
    const socket = createConnection({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (turn % 250)}` })
    socket.on('error', () => {}).resume()
    socket.end('GET / HTTP/1.0\r\n\r\n')
    return new Promise((closed) => socket.once('close', closed))
  })
}

async function isServedWell(url: string, certDir: string): Promise<void> {
  const call = await ask(url, certDir, { body: toolCall('echo', { text: 'hello' }) })
  expect(call).toMatchObject({ status: 200, body: expect.stringContaining('hello') })
  expect((await ask(new URL('/readyz', url), certDir)).status).toBe(200)
}

function isTaken(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return new Promise((resolve) => {
    socket.on('error', () => resolve(false)).on('connect', () => resolve(true))
  })
}

const healthOf = async (url: string, certDir: string) =>
  JSON.parse((await ask(new URL('/health', url), certDir)).body)

const serveArgs = (certDir: string) => [bin, 'serve', 'echo', '--tls-port', '0', '--cert-dir', certDir]
const runsOn = (command: string, port: number, certDir: string) => [
  bin,
  ...(command === 'monitor'
    ? ['monitor', '--no-servers', '--port', String(port), certDir]
    : ['serve', 'echo', '--tls-port', String(port), '--cert-dir', certDir]),
]
const url = /https:\S+\/mcp\b/

/** The events of a log, each of whose lines is whole. */
const eventsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line): { event: string; dropped?: number; number?: number } => JSON.parse(line))

/** A server that cannot write one line is served strangers, a call and probes, and ends when it is told to. */
async function servesUnread(started: Started, certDir: string, pid = started.child.pid): Promise<void> {
  const at = await started.said(url)
  await strangers(500, Number(new URL(at).port))
  await isServedWell(at, certDir)
  process.kill(pid ?? 0, 'SIGTERM')
  expect(await started.exited).toEqual([0, null])
}

describeWith('Linux', linux, 'stderr that nobody reads', () => {
  test('a pipe', async () => {
    const certDir = await certificates()
    const pipe = unreadPipe()
    pipe.fill()
    await servesUnread(startWith(['pipe', pipe.writer], process.execPath, serveArgs(certDir)), certDir)
    expect(pipe.read()).toMatch(/^ +$/)
  })

  test('a socket', async () => {
    const certDir = await certificates()
    const fullOfZeros = '(head -c 1000000 /dev/zero >&2) & exec "$@"'
    const args = ['-c', fullOfZeros, 'sh', process.execPath, ...serveArgs(certDir)]
    await servesUnread(startWith(['pipe', 'pipe'], 'sh', args), certDir)
  })

  test('when the reader comes back it finds what waited', async () => {
    const certDir = await certificates()
    const pipe = unreadPipe()
    pipe.fill()
    const started = startWith(['pipe', pipe.writer], process.execPath, serveArgs(certDir))
    const at = await started.said(url)
    await ask(new URL('/livez', at), certDir)
    let read = ''
    const hasAll = () => {
      read += pipe.read()
      return /listening.*connection-accepted.*connection-closed/s.test(read)
    }
    await expect.poll(hasAll, { timeout: 20_000, interval: 5 }).toBe(true)
    started.child.kill('SIGTERM')
    expect(await started.exited).toEqual([0, null])
    eventsOf(read + pipe.read())
  })

  test('more than may wait: every line is whole, and where some are missing it says how many', async () => {
    const certDir = await certificates()
    const pipe = unreadPipe()
    // A server in whose process something else logs a lot.
    const program = `
import { serve } from ${JSON.stringify(import.meta.resolve('../../dist/server/index.js'))}
import { openLog } from ${JSON.stringify(import.meta.resolve('../../dist/tls/log/log.js'))}
const { logger } = openLog()
for (let number = 0; number < 3000; number++) logger.info({ event: 'test', number }, 'x'.repeat(1000))
const server = await serve(() => ({ connect: async () => {} }), { name: 'test', tlsPort: 0, tls: { certDir: process.argv[1] } })
console.log(server.url)
process.once('SIGTERM', () => server.close())`
    const args = ['--input-type=module', '--eval', program, certDir]
    const started = startWith(['pipe', pipe.writer], process.execPath, args)
    const at = await started.said(url)
    const degraded = await healthOf(at, certDir)
    expect(degraded).toMatchObject({ status: 'degraded', problems: [{ code: 'LOG_WRITE_FAILED' }] })
    const message = /^the log on stderr cannot be written \(nobody reads it\), \d+ lines were dropped$/
    expect(degraded.problems[0].message).toMatch(message)
    expect((await ask(new URL('/readyz', at), certDir)).status).toBe(200)

    let read = ''
    const isTold = () => {
      read += pipe.read()
      return read.includes('log-dropped')
    }
    await expect.poll(isTold, { timeout: 20_000, interval: 5 }).toBe(true)
    expect(await healthOf(at, certDir)).toMatchObject({ status: 'ok', problems: [] })
    const metrics = await ask(new URL('/metrics', at), certDir)
    started.child.kill('SIGTERM')
    expect(await started.exited).toEqual([0, null])
    const events = eventsOf(read + pipe.read())
    const dropped = events.find(({ event }) => event === 'log-dropped')?.dropped ?? 0
    expect(metrics.body).toMatch(new RegExp(`^mcp_mtls_log_lines_dropped_total(\\{.*\\})? ${dropped}$`, 'm'))
    const numbers = events.flatMap(({ number }) => (number === undefined ? [] : [number]))
    expect(numbers).toEqual(numbers.map((_number, index) => index))
    expect(numbers.length).toBeGreaterThan(900)
    // What the server itself had to say was dropped as well.
    expect(numbers.length + dropped).toBeGreaterThan(3000)
  })
})

/** A program that runs another one whose stdout or stderr, or both, is a terminal that takes nothing more. */
const atFullTerminal = (...streams: readonly string[]) => `
import os, pty, subprocess, sys
terminal, side = pty.openpty()
os.set_blocking(side, False)
try:
    while True: os.write(side, b' ' * 4096)
except BlockingIOError:
    os.set_blocking(side, True)
child = subprocess.Popen(sys.argv[1:], ${streams.map((stream) => `${stream}=side`).join(', ')})
print('pid', child.pid, flush=True)
sys.exit(child.wait())`

describeWith('python3', linux && onPath('python3') !== undefined, 'a terminal that nobody reads', () => {
  test('holds nothing up', async () => {
    const certDir = await certificates()
    const args = ['-c', atFullTerminal('stderr'), process.execPath, ...serveArgs(certDir)]
    const started = startWith(['pipe', 'pipe'], 'python3', args)
    await servesUnread(started, certDir, Number(await started.said(/^pid (\d+)$/m)))
  })

  test.each(['monitor', 'serve'])('lets %s start, and end at SIGTERM', async (command) => {
    const port = await freePort()
    const args = runsOn(command, port, await certificates())
    const program = atFullTerminal('stdout', 'stderr')
    const started = startWith(['pipe', 'inherit'], 'python3', ['-c', program, process.execPath, ...args])
    await expect.poll(() => isTaken(port), { timeout: 20_000 }).toBe(true)
    process.kill(Number(await started.said(/^pid (\d+)$/m)), 'SIGTERM')
    expect(await started.exited).toEqual([0, null])
  })
})

describeWith('Linux', linux, 'a stdout that nobody reads', () => {
  test.each(['monitor', 'serve'])('%s ends at SIGTERM all the same', async (command) => {
    const certDir = await certificates()
    const pipe = unreadPipe()
    pipe.fill()
    const port = await freePort()
    const started = startWith([pipe.writer, 'inherit'], process.execPath, runsOn(command, port, certDir))
    await expect.poll(() => isTaken(port), { timeout: 20_000 }).toBe(true)
    started.child.kill('SIGTERM')
    expect(await started.exited).toEqual([0, null])
  })
})

/** A pipe whose reader has gone, to write into. */
function brokenPipe(): number {
  const path = join(scratch(), 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  closeSync(reader)
  return writer
}

describeWith('Linux', linux, 'a stdout that can never be written', () => {
  test.each([
    ['whose reader has gone', brokenPipe],
    ['on a full disk', () => openSync('/dev/full', 'w')],
  ])('%s ends no server', async (_what, open) => {
    const certDir = await certificates()
    const stdout = open()
    const child = spawn(process.execPath, serveArgs(certDir), { stdio: ['ignore', stdout, 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    closeSync(stdout)
    const exited = once(child, 'exit')
    let log = ''
    const at = await new Promise<string>((resolve) =>
      child.stderr?.setEncoding('utf8').on('data', (chunk) => {
        log += chunk
        const [found] = url.exec(log) ?? []
        if (found) resolve(found)
      }),
    )
    for (let times = 0; times < 3; times++)
      expect((await ask(new URL('/health', at), certDir)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})

describeWith('Linux', linux, 'a security log', () => {
  test('a pipe that nobody reads is refused in words', async () => {
    const certDir = await certificates()
    const path = join(scratch(), 'pipe')
    execFileSync('mkfifo', [path])
    const args = ['--security-log', path]
    const { exitCode, stderr } = await startCli([...serveArgs(certDir).slice(1), ...args]).finished
    expect(exitCode).toBe(64)
    expect(stderr).toContain(
      `error: CONFIG_INVALID: SECURITY_LOG: nobody reads the pipe ${path}\nhint: Start`,
    )
  })

  test('on stderr beside the log has each event once', async () => {
    const certDir = await certificates()
    const args = [...serveArgs(certDir).slice(1), '--security-log', '/dev/stderr']
    const running = startCli(args, { cwd: scratch() })
    const [at] = await running.printed(url)
    await ask(new URL('/health', at), certDir)
    await running.printed(/connection-closed/)
    running.process.kill('SIGTERM')
    const { stderr } = await running.finished
    expect(stderr.match(/"event":"connection-accepted"/g)).toHaveLength(1)
  })

  test('whose reader has been missing for long is a problem, though there is room for its lines', () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const path = join(scratch(), 'pipe')
    execFileSync('mkfifo', [path])
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const destination = new LogDestination({
      name: 'the log',
      open: () => openAppending(path),
      lineOf: () => '',
    })
    for (let line = 0; line < 100; line++) destination.write(`${'x'.repeat(1023)}\n`)
    expect(destination.problem).toBeUndefined()
    vi.advanceTimersByTime(10_000)
    expect(destination.problem?.message).toBe('the log cannot be written (nobody reads it)')
    for (let read = 0; read < 100 * 1024; ) {
      read += readSync(reader, Buffer.alloc(65_536))
      destination.flush()
    }
    expect(destination.problem).toBeUndefined()
    destination.close()
    closeSync(reader)
  })

  test.each(['/dev/stderr', '/dev/stdout'])('%s works where it is a socket', async (path) => {
    const certDir = await certificates()
    const args = [...serveArgs(certDir).slice(1), '--security-log', path]
    const running = startCli(args, { cwd: scratch(), env: { LOG_LEVEL: 'silent' } })
    const [at] = await running.printed(url)
    await ask(new URL('/health', at), certDir)
    await running.printed(/connection-closed/)
    running.process.kill('SIGTERM')
    const { exitCode, stdout, stderr } = await running.finished
    expect(exitCode).toBe(0)
    expect(path === '/dev/stdout' ? stdout : stderr).toContain('"event":"connection-closed"')
  })

  test('on a full disk it is a problem, until it goes into another file', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({
      tls: world.tls,
      log: { level: 'silent', securityLog: '/dev/full' },
    })
    await ask(new URL('/livez', served.server.url), world.certDir)
    await expect
      .poll(() => served.server.health().problems, { timeout: 10_000 })
      .toEqual([
        {
          code: 'LOG_WRITE_FAILED',
          message: 'SECURITY_LOG: /dev/full cannot be written (ENOSPC)',
          since: expect.stringMatching(/^\d{4}-/),
        },
      ])
    expect(served.server.health().status).toBe('degraded')
  })
})
