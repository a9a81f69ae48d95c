/** A piece of an event stream: one event, or comments and line ends between events. */
export interface Piece {
  readonly bytes: Buffer
  readonly isEvent: boolean
}

/** Bytes of one event, or of an answer that is no stream, at most. */
export const longestAnswer = 64 * 1024 * 1024

/** What is larger than that, or too much with others. */
export class TooLarge extends Error {
  constructor(what = `answered with more than ${longestAnswer} bytes`) {
    super(what)
  }
}

const [lineFeed, carriageReturn, colon] = [0x0a, 0x0d, 0x3a]

/**
 * Cuts an event stream behind each complete event, and each comment between two, without changing a byte
 * (https://html.spec.whatwg.org/#parsing-an-event-stream). It looks at bytes: no line end is part of a longer character.
 */
export class EventCutter {
  #waiting: Buffer[] = []
  #size = 0
  #line: 'empty' | 'comment' | 'field' = 'empty'
  #hasField = false
  /** The last byte was one, and a line feed belongs to it. */
  #afterReturn = false

  /** Bytes of the event that is not complete. */
  get waiting(): number {
    return this.#size
  }

  /** What is complete now. Throws when an event is larger than `longestAnswer`. */
  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = []
    let from = 0
    let at = 0
    const cut = () => {
      this.#waiting.push(chunk.subarray(from, at))
      const bytes = this.#waiting.length === 1 ? chunk.subarray(from, at) : Buffer.concat(this.#waiting)
      pieces.push({ bytes, isEvent: this.#hasField })
      this.#waiting = []
      this.#size = 0
      this.#hasField = false
      from = at
    }
    const next = lineEnds(chunk)
    while (at < chunk.length) {
      if (this.#afterReturn) {
        this.#afterReturn = false
        if (chunk[at] === lineFeed) {
          at++
          if (!this.#hasField) cut()
          continue
        }
      }
      const end = next(at)
      if (this.#line === 'empty' && end !== at) {
        this.#line = chunk[at] === colon ? 'comment' : 'field'
        if (this.#line === 'field') this.#hasField = true
      }
      if (end === undefined) break
      at = end + 1
      if (chunk[end] === carriageReturn) {
        if (chunk[at] === lineFeed) at++
        else this.#afterReturn = at === chunk.length
      }
      if (this.#line === 'empty' || !this.#hasField) cut()
      this.#line = 'empty'
    }
    if (from === chunk.length) return pieces
    this.#size += chunk.length - from
    if (this.#size > longestAnswer) throw new TooLarge()
    this.#waiting.push(chunk.subarray(from))
    return pieces
  }
}

/** Finds the first line end from a place on, which may only grow. */
function lineEnds(chunk: Buffer): (from: number) => number | undefined {
  const found = [lineFeed, carriageReturn].map((byte) => ({ byte, at: chunk.indexOf(byte) }))
  return (from) => {
    let first: number | undefined
    for (const end of found) {
      if (end.at >= 0 && end.at < from) end.at = chunk.indexOf(end.byte, from)
      if (end.at >= 0 && end.at < (first ?? chunk.length)) first = end.at
    }
    return first
  }
}

/** A stream may begin with a byte order mark. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

/** The data of one event. */
export function dataIn(bytes: Buffer): string {
  return linesIn(bytes)
    .flatMap((line) => valueIn(line, 'data') ?? [])
    .join('\n')
}

/** The same event with other data, of one line. */
export function withData(bytes: Buffer, data: string): Buffer {
  const others = linesIn(bytes).filter((line) => line !== '' && valueIn(line, 'data') === undefined)
  return Buffer.from([...others, `data: ${data}`, '', ''].join('\n'))
}

function linesIn(bytes: Buffer): string[] {
  return withoutMark(bytes)
    .toString()
    .split(/\r\n|\r|\n/)
}

/** The id of one event, by which a client can go on after it (`Last-Event-ID`); undefined where it has none. */
export function idIn(bytes: Buffer): string | undefined {
  bytes = withoutMark(bytes)
  let id: string | undefined
  // Large events are mostly data: they are not made text for this.
  for (let at = bytes.indexOf('id'); at >= 0; at = bytes.indexOf('id', at + 2)) {
    const before = at === 0 ? lineFeed : bytes[at - 1]
    if (before !== lineFeed && before !== carriageReturn) continue
    const [line = ''] = bytes.toString('utf8', at, at + longestId).split(/[\r\n]/, 1)
    id = valueIn(line, 'id') ?? id
  }
  return id || undefined
}

/** Bytes of the line of an id; headers are no longer either. */
const longestId = 16 * 1024

function valueIn(line: string, field: string): string | undefined {
  if (line === field) return ''
  return line.startsWith(`${field}:`) ? line.slice(field.length + 1).replace(/^ /, '') : undefined
}
