import type { Readable, Writable } from 'node:stream'

/** What a command may use of its process. Results go to `stdout`, everything else to `stderr`. */
export interface Io {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly stdin: Readable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** The exit code of the process; 0 until a command sets another. */
  exitCode: number
  /** True once a signal has asked it to stop. */
  stopped?: boolean
  /** It serves others: standard output gets only notices, and losing its reader does no harm. */
  isService?: boolean
}
