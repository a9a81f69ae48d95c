import type { IncomingMessage } from 'node:http'

export interface BodyLimits {
  readonly maxBodyBytes: number
  /** Keys of all objects in a body together. */
  readonly maxBodyKeys: number
  /** Nesting depth of objects and arrays. */
  readonly maxBodyDepth: number
}

/** Why a body is refused, with the status and the JSON-RPC code to answer. */
export class BodyRefused extends Error {
  constructor(
    readonly status: 400 | 413,
    readonly code: number,
    message: string,
  ) {
    super(message)
  }
}

export interface JsonBody {
  readonly value: unknown
  /** Its size, bytes. */
  readonly bytes: number
}

/** The JSON in the body of a request, read to its end and parsed. Throws `BodyRefused`. */
export async function readJsonBody(request: IncomingMessage, limits: BodyLimits): Promise<JsonBody> {
  const { text, bytes } = await readText(request, limits.maxBodyBytes)
  const excess = jsonExcess(text, limits)
  if (excess) throw tooLarge(excess)
  try {
    return { value: JSON.parse(text), bytes }
  } catch {
    throw new BodyRefused(400, -32700, 'Parse error: the body is not JSON')
  }
}

/** Not by iteration, which costs as much as the rest of a small request. */
function readText(
  request: IncomingMessage,
  longest: number,
): Promise<{ readonly text: string; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(tooLarge(`is larger than ${longest} bytes`))
    if (Number(request.headers['content-length'] ?? 0) > longest) return refuse()
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size <= longest) return void chunks.push(chunk)
      // The rest is not read, and the request is not destroyed: its connection has an answer to carry.
      request.off('data', take).pause()
      refuse()
    }
    request.on('data', take)
    request.on('end', () => {
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      resolve({ text: all.toString(), bytes: size })
    })
    request.on('close', () => {
      if (!request.readableEnded) reject(new Error('the client has gone'))
    })
  })
}

function tooLarge(excess: string): BodyRefused {
  return new BodyRefused(413, -32000, `The request body ${excess}`)
}

/**
 * Why this JSON exceeds a limit, undefined for everything else; invalid JSON is not reported here. One pass over the
 * text, before anything is parsed: each key costs some microseconds in the validation of messages.
 */
function jsonExcess(text: string, { maxBodyKeys, maxBodyDepth }: BodyLimits): string | undefined {
  if (text.length < keyLength * maxBodyKeys && !hasMore(text, maxBodyDepth)) return undefined
  let keys = 0
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case backslash:
        if (inString) index++
        break
      case quote:
        inString = !inString
        break
      case colon:
        if (!inString && ++keys > maxBodyKeys) return `has more than ${maxBodyKeys} keys`
        break
      case brace:
      case bracket:
        if (!inString && ++depth > maxBodyDepth) return `is nested more than ${maxBodyDepth} deep`
        break
      case braceEnd:
      case bracketEnd:
        if (!inString) depth--
    }
  }
  return undefined
}

/** The shortest key with its value: `"":0,`. */
const keyLength = 5

/** Whether there are more openings than that, those in strings among them: without, nothing is nested deeper. */
function hasMore(text: string, openings: number): boolean {
  let count = 0
  for (const opening of '{[')
    for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, at + 1))
      if (++count > openings) return true
  return false
}

const [quote, backslash, colon, brace, bracket, braceEnd, bracketEnd] = [
  0x22, 0x5c, 0x3a, 0x7b, 0x5b, 0x7d, 0x5d,
]
