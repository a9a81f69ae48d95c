import type { ServerResponse } from 'node:http'

/** How many bytes may wait for a client that does not read the stream of its session. It can resume later. */
const unreadAtMost = 4 * 1024 * 1024

/**
 * Writes an answer: one that is no stream in one piece with its length, since through TLS every small write costs a
 * record. `isOpenEnded`: the server may send on this stream as long as it likes, so that a client that does not read
 * loses it.
 */
export async function writeAnswer(
  response: ServerResponse,
  answer: Response,
  isOpenEnded: boolean,
): Promise<void> {
  // The SDK must not decide whether the connection stays open: it would keep one alive that is draining.
  const { connection: _, ...headers } = Object.fromEntries(answer.headers)
  if (answer.body === null || !/^text\/event-stream/i.test(headers['content-type'] ?? '')) {
    const body = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { ...headers, 'content-length': body.length }).end(body)
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
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (response.destroyed) return
      begin()
      if (response.write(next.value)) continue
      if (!isOpenEnded) await drained(response)
      else if (response.writableLength > unreadAtMost) return void response.destroy()
    }
  } finally {
    clearImmediate(alone)
  }
  if (response.destroyed) return
  begin()
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.once('drain', done).once('close', done)
  })
}
