import { Response } from 'undici'
import type { Answer } from './exchange.js'

/** Whether an answer is one that is read here: as it is sent, in JSON or as a stream of events. */
export function isPlain({ status, headers }: Answer): boolean {
  return (
    status === 200 && headers['content-encoding'] === undefined && kindOf(headers['content-type']) !== 'other'
  )
}

/** What a media type is to MCP. */
export function kindOf(contentType: string | undefined): 'json' | 'events' | 'other' {
  if (contentType === undefined) return 'other'
  // As most servers write it, before the rule.
  if (contentType === 'application/json') return 'json'
  if (/^application\/json[ \t]*(;|$)/i.test(contentType)) return 'json'
  return /^text\/event-stream[ \t]*(;|$)/i.test(contentType) ? 'events' : 'other'
}

/** The whole of an answer as text. Rejects with what `tooLarge` gives once it has more than so many bytes. */
export function textOfAnswer(answer: Answer, limit: number, tooLarge: () => Error): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    answer.read({
      data: (chunk) => {
        size += chunk.length
        if (size <= limit) return void chunks.push(chunk)
        const error = tooLarge()
        reject(error)
        answer.abort(error)
      },
      end: () => {
        const [first = Buffer.alloc(0)] = chunks
        const text = (chunks.length > 1 ? Buffer.concat(chunks) : first).toString('utf8')
        resolve(text.startsWith('\uFEFF') ? text.slice(1) : text)
      },
      failed: reject,
    })
  })
}

export interface EventReader {
  /** The data of an event of the kind `message`. True for the message that was asked for: nothing more is expected. */
  message(data: string): boolean
  /** The stream has ended; with an error when it broke. */
  end(error?: unknown): void
  /** What begins with the first event that is not plain is left to somebody else. */
  other(rest: Response): void
}

const newline = 10
const carriageReturn = 13

/**
 * Reads a stream of events as long as they are plain: `event: message`, `data`, `id` and `retry`, each line ended by one newline. What
 * has another kind is for the SDK's own reader, which makes three streams for each answer. So is what becomes of a stream that ends
 * without the answer, where the server has said by an id that it can be taken up again.
 */
export function readEvents(answer: Answer, limit: number, tooLarge: () => Error, reader: EventReader): void {
  /** What came since the last whole event. */
  let pending: Buffer[] = []
  let size = 0
  let isAnswered = false
  let isDone = false
  const resumption: Resumption = { id: undefined, retry: undefined }
  const finish = (error?: unknown) => {
    if (isDone) return
    isDone = true
    if (resumption.id === undefined || isAnswered) reader.end(error)
    else reader.other(endingAt(resumption))
  }
  const leave = (rest: Buffer) => {
    isDone = true
    reader.other(answer.response([...pending, rest]))
  }
  const refuse = () => {
    const error = tooLarge()
    isDone = true
    reader.end(error)
    answer.abort(error)
  }
  const data = (chunk: Buffer) => {
    if (isDone) return
    // JSON has none, so that it can only be the end of a line.
    if (!isAnswered && chunk.includes(carriageReturn)) return leave(chunk)
    let from = 0
    for (let end = endOfEvent(chunk, 0, pending.at(-1)); end >= 0; end = endOfEvent(chunk, from)) {
      const last = chunk.subarray(from, end)
      if (size + last.length > limit) return refuse()
      const event = pending.length === 0 ? last : Buffer.concat([...pending, last])
      const message = plainData(event.toString('utf8'), isAnswered, resumption)
      if (message === undefined) return leave(chunk.subarray(from))
      pending = []
      size = 0
      from = end
      if (message !== '') isAnswered = reader.message(message) || isAnswered
    }
    const rest = chunk.subarray(from)
    size += rest.length
    if (size > limit) return refuse()
    if (rest.length > 0) pending.push(rest)
  }
  answer.read({ data, end: () => finish(), failed: finish })
}

/** How a stream can be taken up again: the last id, and the time to wait. */
interface Resumption {
  id: string | undefined
  retry: string | undefined
}

/** The end of a stream that was read until there. */
function endingAt({ id, retry }: Resumption): Response {
  const wait = retry === undefined ? '' : `retry: ${retry}\n`
  return new Response(`id: ${id}\n${wait}data:\n\n`, { headers: { 'content-type': 'text/event-stream' } })
}

/** Where the event ends that goes on at `from`: after an empty line; −1 when it does not end here. */
function endOfEvent(chunk: Buffer, from: number, before?: Buffer): number {
  if (before?.at(-1) === newline && chunk[from] === newline) return from + 1
  const at = chunk.indexOf('\n\n', from)
  return at < 0 ? -1 : at + 2
}

/** The data of an event, '' when it has none; undefined when there is more to it, unless that does not matter any more. */
function plainData(event: string, isAnswered: boolean, resumption: Resumption): string | undefined {
  let data: string | undefined
  for (const line of event.split('\n')) {
    if (line === '' || line.startsWith(':') || line === 'event: message') continue
    const [, name, value = ''] = /^(data|id|retry):[ ]?(.*)$/s.exec(line) ?? []
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`
    else if (name === 'id' && value !== '' && !value.includes('\0')) resumption.id = value
    else if (name === 'retry' && /^\d+$/.test(value)) resumption.retry = value
    else if (!isAnswered) return undefined
  }
  return data ?? ''
}
