import type { Readable, Writable } from 'node:stream'

/** What a command may touch of the process around it. Results go to `stdout`, everything else to `stderr`. */
export interface Io {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly stdin: Readable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** What the process will exit with; 0 until a command says otherwise. */
  exitCode: number
  /** True once a signal has asked it to end. */
  stopped?: boolean
  /** It serves others: standard output has notices alone, and whoever read them may go. */
  isService?: boolean
}
