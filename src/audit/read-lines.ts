import { createReadStream } from 'node:fs'
import { longestLine } from './chain.js'

export interface FoundLine {
  /** Without line end; cut where it is longer than any line of a record. */
  readonly bytes: Buffer
  /** In bytes, uncut. */
  readonly length: number
  /** From 1. */
  readonly number: number
  /** False for what no line end closes. */
  readonly isWhole: boolean
  readonly isTooLong: boolean
}

export interface ReadOptions {
  /** Ends it: what reads then throws its reason. */
  readonly signal?: AbortSignal | undefined
  /** Receives how many more bytes were read. */
  readonly progress?: ((bytes: number) => void) | undefined
}

/**
 * The lines of a file, from a byte on, some at a time, in bounded memory whatever is in it. `file`: its path, or a
 * descriptor, which stays open. Throws what the file system says.
 */
export async function* readLines(
  file: string | number,
  { start = 0, signal, progress }: ReadOptions & { readonly start?: number } = {},
): AsyncGenerator<FoundLine[]> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  /** Bytes of this line that were dropped. */
  let dropped = 0
  const lineOf = (bytes: Buffer, isWhole: boolean): FoundLine => {
    const line = {
      bytes: bytes.subarray(0, longestLine),
      length: dropped + bytes.length,
      number: ++number,
      isWhole,
      isTooLong: dropped + bytes.length > longestLine,
    }
    dropped = 0
    return line
  }
  const how = { start, highWaterMark: longestLine, ...(signal && { signal }) }
  const stream =
    typeof file === 'number'
      ? createReadStream('', { ...how, fd: file, autoClose: false })
      : createReadStream(file, how)
  for await (const chunk of stream) {
    progress?.(chunk.length)
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const lines: FoundLine[] = []
    let from = 0
    for (let to = bytes.indexOf(0x0a, from); to >= 0; to = bytes.indexOf(0x0a, from)) {
      lines.push(lineOf(bytes.subarray(from, to), true))
      from = to + 1
    }
    rest = bytes.subarray(from)
    if (rest.length > longestLine) {
      dropped += rest.length - longestLine
      rest = rest.subarray(0, longestLine)
    }
    yield lines
  }
  if (rest.length > 0) yield [lineOf(rest, false)]
}
