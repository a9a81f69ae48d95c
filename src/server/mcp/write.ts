import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * How many bytes may wait for a client that does not read: of a stream that goes on as long as the server likes, and can be
 * resumed; and of a call.
 */
const unreadAtMost = { ofNews: 4 * 1024 * 1024, ofCall: 16 * 1024 * 1024, ofIdentity: 64 * 1024 * 1024 }

/** Answers of each identity that wait for their client to read. */
export class SlowReaders {
  readonly #slow = new Map<string, Set<ServerResponse>>()

  /** Notes that this one waits; ends it when too much waits for its identity. */
  add(identity: string, response: ServerResponse): void {
    const slow = this.#slow.get(identity) ?? new Set()
    this.#slow.set(identity, slow)
    if (!slow.has(response)) {
      slow.add(response)
      response.once('close', () => {
        slow.delete(response)
        if (slow.size === 0) this.#slow.delete(identity)
      })
    }
    const waiting = [...slow].reduce((sum, { writableLength }) => sum + writableLength, 0)
    if (waiting > unreadAtMost.ofIdentity) response.destroy()
  }
}

export interface WriteOptions {
  /** The server may send on this stream as long as it likes. */
  readonly isOpenEnded: boolean
  /** How long a client may read nothing of what waits for it; milliseconds. */
  readonly idleTimeout: number
  /** Called when the client does not keep up. */
  readonly onSlow: () => void
}

/** Writes an answer: one that is no stream in one piece with its length, since through TLS every small write costs a record. */
export async function writeAnswer(
  response: ServerResponse,
  answer: Response,
  { isOpenEnded, idleTimeout, onSlow }: WriteOptions,
): Promise<void> {
  // The SDK must not decide whether the connection stays open: it would keep one alive that is draining.
  const { connection: _, ...headers }: Record<string, string | string[]> = Object.fromEntries(answer.headers)
  const cookies = answer.headers.getSetCookie()
  if (cookies.length > 1) headers['set-cookie'] = cookies
  if (answer.body === null || !/^text\/event-stream/i.test(answer.headers.get('content-type') ?? '')) {
    const body = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { ...headers, 'content-length': body.length }).end(body)
    if (response.writableFinished) return
    watchUnread(response, idleTimeout)
    onSlow()
    return
  }
  const begin = () => response.headersSent || response.writeHead(answer.status, headers)
  // The head goes out with the first message, as one record, unless that takes longer.
  const alone = setImmediate(() => {
    begin()
    response.flushHeaders()
  })
  const reader = answer.body.getReader()
  // A client that has gone is known at once, not at the next message: it may come back and resume.
  const cancel = () => void reader.cancel().catch(() => {})
  if (response.destroyed) cancel()
  response.once('close', cancel)
  const unread = isOpenEnded ? unreadAtMost.ofNews : unreadAtMost.ofCall
  let isSlow = false
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (response.destroyed) return
      begin()
      // One message may be as large as it likes: what counts is what waits before it.
      if (response.writableLength > unread) return void response.destroy()
      if (response.write(next.value)) continue
      onSlow()
      if (!isSlow) watchUnread(response, idleTimeout)
      isSlow = true
    }
  } finally {
    clearImmediate(alone)
  }
  if (response.destroyed) return
  begin()
  response.end()
}

/** Of so many bytes we do not say that a client does not keep up; Node's own buffer holds more. */
const alwaysWaits = 16 * 1024

/** An answer of which much waits counts as slow, and ends when too much waits. */
export function keepsUp(response: ServerResponse, onSlow: () => void): void {
  if (response.writableLength > unreadAtMost.ofCall) response.destroy()
  else if (response.writableLength > alwaysWaits) onSlow()
}

/** What a look at a response has seen: bytes that have left Node's own buffers, and those that wait below them. */
export interface Unread {
  readonly left: number
  readonly queued: number
}

/**
 * Ends a response of which nothing was read since the last look, though something waited then and waits now. Gives what it
 * has seen, undefined where nothing waits.
 */
export function endIfUnread(response: ServerResponse, before: Unread | undefined): Unread | undefined {
  const { socket, writableLength } = response
  // Without one it is behind an answer that is not ready yet: its client cannot read it (pipelining).
  if (!socket) return undefined
  const queued = queuedIn(socket)
  if (writableLength + queued === 0) return undefined
  const left = socket.bytesWritten - socket.writableLength
  if (before && left <= before.left && queued === before.queued) response.destroy()
  return { left, queued }
}

interface Handle {
  readonly writeQueueSize?: number
  /** The TCP handle below TLS, which alone shows that a large write leaves piece by piece. */
  readonly _parent?: Handle
}

function queuedIn(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: Handle | null }
  return handle?._parent?.writeQueueSize ?? handle?.writeQueueSize ?? 0
}

function watchUnread(response: ServerResponse, idleTimeout: number): void {
  let seen = endIfUnread(response, undefined)
  const timer = setInterval(() => {
    seen = endIfUnread(response, seen)
  }, idleTimeout).unref()
  response.once('close', () => clearInterval(timer))
}
