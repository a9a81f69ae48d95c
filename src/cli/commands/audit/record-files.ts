import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type ReadOptions, withoutRecord } from '../../../audit/index.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { progressBar } from '../../terminal/progress.js'

/** Paths of the named files, each once. */
export function recordFiles(named: readonly string[], { cwd }: Pick<Io, 'cwd'>): string[] {
  return [...new Set(named.map((file) => resolve(cwd, file)))]
}

/** Says which files are none of a record, as `audit verify` would with its exit code; returns how many. */
export async function tellOthers(files: readonly string[], io: Io): Promise<number> {
  const others = await withoutRecord(files)
  writeLines(
    io.stderr,
    others.map((file) => `warning: ${printable(shownPath(file, io))} is not a record: none of its lines is`),
  )
  if (others.length > 0) io.exitCode = 1
  return others.length
}

/** Bytes that take a second or so. */
const many = 64 * 1024 * 1024

/** Reads files until a signal, with a bar on a terminal when there is much to read. Throws `Interrupted`. */
export function reading<Result>(
  files: readonly string[],
  io: Io,
  work: (options: ReadOptions) => Promise<Result>,
): Promise<Result> {
  return untilSignal(io, async (signal) => {
    const sizes = await Promise.all(
      files.map((file) =>
        stat(file).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    )
    const all = sizes.reduce((sum, size) => sum + size, 0)
    const isTerminal = 'isTTY' in io.stderr && io.stderr.isTTY === true
    const bar = isTerminal && all > many ? progressBar(io) : undefined
    let read = 0
    const progress = (bytes: number) => {
      read += bytes
      bar?.update(Math.min(1, read / all), 'reading')
    }
    try {
      return await work({ signal, progress })
    } finally {
      bar?.clear()
    }
  })
}
