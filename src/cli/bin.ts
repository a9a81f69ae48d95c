#!/usr/bin/env node
import type { Io } from './io.js'
import { fail, run } from './program.js'

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  exitCode: 0,
}

// The reader of the results has gone (`| head`): nothing is left to do. A server whose log reader has gone serves on.
process.stdout.on('error', () => process.exit(io.exitCode))
process.stderr.on('error', () => undefined)
process.on('uncaughtException', (error) => {
  fail(error, io)
  process.exit(io.exitCode)
})

await run(process.argv.slice(2), io)
// Exiting at once would cut off what a pipe has not taken yet.
for (const stream of [process.stdout, process.stderr])
  await new Promise((done) => (stream.writable ? stream.write('', done) : done(undefined)))
process.exit(io.exitCode)
