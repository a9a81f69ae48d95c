import { Readable, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { commandRunner } from '../../src/cli/commands/monitor/after-change.js'
import { runShell } from '../../src/cli/io/shell.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

function ioOf(cwd: string, path: string) {
  const written: string[] = []
  const stderr = new Writable({
    write: (chunk, _encoding, done) => {
      written.push(String(chunk))
      done()
    },
  })
  const io = { stdout: stderr, stderr, stdin: Readable.from([]), env: { PATH: path }, cwd, exitCode: 0 }
  return { io, written }
}

const noShell = 'it needs a shell, and there is no `sh` on the PATH'

test('cert-renew --exec on a machine without a shell renews, and says what is missing', async () => {
  const cwd = scratch()
  await runCli(['cert-gen'], { cwd })
  const args = ['cert-renew', '--all', '--exec', 'nginx -s reload']
  const { exitCode, stdout, stderr } = await runCli(args, { cwd, env: { PATH: scratch() } })
  expect(stdout).toContain('renewed')
  expect(stderr).toBe(
    `error: the command after the renewal failed: ${noShell}: nginx -s reload\nhint: What was renewed stays renewed; run the command by hand.\n`,
  )
  expect(exitCode).toBe(1)
})

test('monitor --exec on such a machine says so at each change', async () => {
  const { io, written } = ioOf(scratch(), scratch())
  const run = commandRunner('logger', io, new AbortController().signal)
  run({
    id: 1,
    at: '',
    kind: 'server',
    name: 'echo',
    from: 'up',
    to: 'refusing',
    level: 'critical',
    text: '',
  })
  await expect.poll(() => written.join('')).toBe(`error: the command of --exec failed: ${noShell}\n`)
})

test('a command that cannot be started for another reason is told with that', async () => {
  const gone = `${scratch()}/gone`
  expect(await runShell('true', {}, ioOf(gone, process.env.PATH ?? '').io)).toBe(`${gone} is gone`)
  const long = { LONG: 'x'.repeat(1 << 22) }
  expect(await runShell('true', long, ioOf(scratch(), process.env.PATH ?? '').io)).toBe(
    'it could not be started (E2BIG)',
  )
})
