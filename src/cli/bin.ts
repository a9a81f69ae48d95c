#!/usr/bin/env node
import { setTimeout as sleep } from 'node:timers/promises'
import { wantsDebug } from '../config/debug.js'
import type { Io } from './io/io.js'
import { onHangup, takeUserSignals } from './io/signals.js'

takeUserSignals([...process.execArgv, process.env.NODE_OPTIONS ?? '']) // before the rest is loaded
// Until it can read its files again.
if (['serve', 'expose', 'bridge'].includes(process.argv[2] ?? '')) onHangup(() => undefined)
// Stack traces then name the sources instead of the bundle.
if (wantsDebug(process.env)) process.setSourceMapsEnabled(true)
const { fail, run } = await import('./program.js').catch(cannotLoad)

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: workingDirectory(),
  exitCode: 0,
}

// The reader of the output is gone (`| head`): nothing is left to do. Commands that serve others keep running.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (io.isService) return
  if (code === 'EPIPE') process.exit(io.exitCode)
  const why = code === 'ENOSPC' ? 'the disk is full' : code
  process.stderr.write(`error: the results cannot be written to standard output: ${why}\n`)
  process.exit(io.exitCode || 1)
})
process.stderr.on('error', () => undefined)
process.on('uncaughtException', (error) => {
  fail(error, io)
  process.exit(io.exitCode)
})

await run(process.argv.slice(2), io)
// Exiting at once would lose output that a pipe has not taken yet. A process that was asked to stop does not wait for
// readers.
await (io.stopped ? aMoment(drained(process.stdout)) : drained(process.stdout))
await aMoment(drained(process.stderr))
process.exit(io.exitCode)

function drained(stream: NodeJS.WriteStream): Promise<unknown> {
  return new Promise((done) => (stream.writable ? stream.write('', done) : done(undefined)))
}

function aMoment(wait: Promise<unknown>): Promise<unknown> {
  return Promise.race([wait, sleep(1000)])
}

/** Exits with a message when the system lets nothing more be opened. */
function cannotLoad(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EMFILE' && error.code !== 'ENFILE') throw error
  process.stderr.write(
    `error: no more files can be opened (${error.code})\nhint: Raise the limit: ulimit -n 1024, or LimitNOFILE= in a systemd unit.\n`,
  )
  process.exit(1)
}

/** Exits with a message when the working directory was removed. */
function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    process.stderr.write('error: the working directory is gone\nhint: Change to one that is there: cd DIR.\n')
    process.exit(1)
  }
}
