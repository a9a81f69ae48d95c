import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Aside } from './aside.js'
import { dataIn, EventCutter, idIn, longestAnswer, TooLarge, withData } from './events.js'
import type { Share } from './held.js'

/** Of what is large, so much is handed on at once: what waits for a client is small. */
const slice = 64 * 1024

type Body = Dispatcher.ResponseData['body']

/** An answer that is no stream, to its end. Throws when it breaks, or is too large. */
export async function readAnswer(body: Body, held: Share): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > longestAnswer) throw new TooLarge()
      held.set(size)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    held.set(0)
  }
}

/** How far a stream has come. */
export interface StreamEnd {
  /** Whether a client can come back for what is missing: its events had ids. */
  readonly isResumable: boolean
  /** Why it ended before its end. */
  readonly error: unknown
}

export interface StreamParts {
  /** The response it goes to: nothing is read while its client does not keep up. */
  readonly response: ServerResponse
  readonly held: Share
  /** Says more on it than the server behind does. */
  readonly aside: Aside
  /** Gets the id of each event that has one, before it is handed on. */
  readonly onId: (id: string) => void
  /** Whether the next message is of interest here. */
  readonly isHeard: () => boolean
  /** Whether messages are judged: what cannot be read as one is not handed on. */
  readonly isJudged: boolean
  /** Gives the message that is handed on; undefined for none. */
  readonly onMessage: (message: unknown) => unknown
  /** Called when the server behind says no more; gives what is to be sent at the end. */
  readonly atEnd: (end: StreamEnd) => readonly object[]
}

/** An event stream, handed on event by event as soon as each is complete. */
export async function* passedEvents(
  body: Body,
  { response, held, aside, onId, isHeard, isJudged, onMessage, atEnd }: StreamParts,
): AsyncGenerator<Uint8Array> {
  const cutter = new EventCutter()
  let isResumable = false
  let error: unknown
  try {
    for await (const chunk of aside.between(body as AsyncIterable<Buffer>)) {
      if ('said' in chunk) {
        yield eventOf(chunk.said)
        await roomIn(response)
        continue
      }
      const pieces = cutter.push(chunk)
      let rest = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
      held.set(cutter.waiting + rest)
      for (const { bytes, isEvent } of pieces) {
        let passed = bytes
        if (isEvent) {
          const id = idIn(bytes)
          if (id !== undefined) onId(id)
          isResumable ||= id !== undefined
          if (isHeard()) passed = heard(bytes, onMessage, isJudged)
        }
        for (let at = 0; at < passed.length; at += slice) {
          yield passed.subarray(at, at + slice)
          await roomIn(response)
        }
        rest -= bytes.length
        held.set(cutter.waiting + rest)
      }
    }
  } catch (reason) {
    error = reason
  } finally {
    held.set(0)
  }
  for (const message of atEnd({ isResumable, error })) yield eventOf(message)
}

function eventOf(message: object): Buffer {
  return Buffer.from(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
}

/** An event with the message that is handed on in place of its own. */
function heard(bytes: Buffer, onMessage: StreamParts['onMessage'], isJudged: boolean): Buffer {
  const data = dataIn(bytes)
  const message = messageIn(data)
  if (message === undefined && isJudged && data !== '') return Buffer.alloc(0)
  const passed = onMessage(message)
  if (passed === message) return bytes
  return passed === undefined ? Buffer.alloc(0) : withData(bytes, JSON.stringify(passed))
}

/** The message in a text; undefined when it is none. */
export function messageIn(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}

/** Resolves when the client has read what waits for it, or has gone. */
function roomIn(response: ServerResponse): Promise<void> | undefined {
  if (!response.writableNeedDrain || response.destroyed) return undefined
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}
