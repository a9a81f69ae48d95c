import { PassThrough, Readable } from 'node:stream'
import type { Io } from '../../src/cli/io/io.js'
import { scratch } from './scratch.js'

/** An `Io` in memory, in an empty directory: `io.stdout.read()` gives what was printed. */
export function testIo({ env = {}, cwd = scratch(), stdin = '' } = {}): Io & {
  readonly stdout: PassThrough
  readonly stderr: PassThrough
} {
  const stream = () => new PassThrough({ encoding: 'utf8' })
  return { stdout: stream(), stderr: stream(), stdin: Readable.from([stdin]), env, cwd, exitCode: 0 }
}
