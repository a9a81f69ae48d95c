import { MtlsError } from '../errors.js'

/**
 * The same response; reading its body fails once it is longer than `limit` bytes, as they are after decompression. Of
 * a stream of events each may be so long; the body of an error is read as a whole, whatever it calls itself. `failed` hears of whatever breaks the body.
 */
export function bounded(
  response: Response,
  { limit, host }: { readonly limit: number; readonly host: string },
  failed: (error: unknown) => void,
): Response {
  const { body, ok, status, statusText, headers } = response
  if (!body) return response
  const isStream = ok && /^text\/event-stream/i.test(headers.get('content-type') ?? '')
  // What HTTP itself bounds costs nothing more.
  const length = headers.has('content-encoding') ? undefined : headers.get('content-length')
  if (!isStream && length && Number(length) <= limit) return response
  const sizeAfter = isStream ? sizeOfEvent() : sizeOfAll()
  async function* within(stream: ReadableStream<Uint8Array>) {
    try {
      for await (const chunk of stream) {
        if (sizeAfter(chunk) > limit) throw tooLarge(host, limit)
        yield chunk
      }
    } catch (error) {
      failed(error)
      throw error
    }
  }
  return new Response(ReadableStream.from(within(body)), { status, statusText, headers: [...headers] })
}

/**
 * A body as text, cut at so many bytes: whoever sends it does not decide how much we hold. `broken` gets the error of a
 * body that breaks off, in place of the caller, who then has what came before it.
 */
export async function textOf(
  body: AsyncIterable<Uint8Array> | null,
  limit: number,
  broken: (error: unknown) => void = rethrow,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= limit) break // which cancels the rest
    }
  } catch (error) {
    broken(error)
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8')
}

function rethrow(error: unknown): never {
  throw error
}

function sizeOfAll(): (chunk: Uint8Array) => number {
  let size = 0
  return ({ length }) => {
    size += length
    return size
  }
}

/** Bytes since the last empty line: what a reader has to keep. */
function sizeOfEvent(): (chunk: Uint8Array) => number {
  let size = 0
  let tail = Buffer.alloc(0)
  return (chunk) => {
    const read = Buffer.concat([tail, chunk])
    const end = Math.max(...['\n\n', '\r\r', '\r\n\r\n'].map((empty) => read.lastIndexOf(empty)))
    size = end < 0 ? size + chunk.length : read.length - end
    tail = read.subarray(-3)
    return size
  }
}

export function tooLarge(host: string, limit: number): MtlsError {
  return new MtlsError(
    'CONNECTION_FAILED',
    `the server at ${host} sent an answer of more than ${limit} bytes`,
    {
      hint: 'If it may send so much, raise MAX_ANSWER_BYTES (maxAnswerBytes).',
    },
  )
}
