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

/** The JSON in the body of a request, read to its end and parsed. Throws `BodyRefused`. */
export async function readJsonBody(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  const text = await readText(request, limits.maxBodyBytes)
  const excess = jsonExcess(text, limits)
  if (excess) throw tooLarge(excess)
  try {
    return JSON.parse(text)
  } catch {
    throw new BodyRefused(400, -32700, 'Parse error: the body is not JSON')
  }
}

async function readText(request: IncomingMessage, longest: number): Promise<string> {
  const excess = `is larger than ${longest} bytes`
  if (Number(request.headers['content-length'] ?? 0) > longest) throw tooLarge(excess)
  const chunks: Buffer[] = []
  let size = 0
  // Left early, the loop must not destroy the request: its connection has an answer to carry.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > longest) throw tooLarge(excess)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooLarge(excess: string): BodyRefused {
  return new BodyRefused(413, -32000, `The request body ${excess}`)
}

/**
 * Why this JSON exceeds a limit, undefined for everything else; invalid JSON is not reported here. One pass over the
 * text, before anything is parsed: each key costs some microseconds in the validation of messages.
 */
function jsonExcess(text: string, { maxBodyKeys, maxBodyDepth }: BodyLimits): string | undefined {
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

const [quote, backslash, colon, brace, bracket, braceEnd, bracketEnd] = [
  0x22, 0x5c, 0x3a, 0x7b, 0x5b, 0x7d, 0x5d,
]
