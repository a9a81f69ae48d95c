import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AuthInfo, createMcpHandler, type McpServerFactory } from '@modelcontextprotocol/server'
import { calledTool, type KeptAnswer, type ObservedCall, outcomeOf } from './calls.js'
import { type BodyLimits, BodyRefused, readJsonBody } from './json-body.js'
import { answerRefusal, jsonRpcError } from './refuse.js'

/** From a Node request to the MCP SDK and back: the one file to replace for another way of serving. */
export interface McpAdapter {
  /** Answers every request, even after an error. `authInfo` is the caller, if there is one. */
  handle(request: IncomingMessage, response: ServerResponse, authInfo: AuthInfo | undefined): Promise<void>
  /** A close begins: what is still open should come to its end. */
  drain?(): void
  /** Ends the exchanges that are still open. */
  close(): Promise<void>
}

export interface AdapterOptions extends BodyLimits {
  readonly onError: (error: Error) => void
  /** Called after every `tools/call`. */
  readonly onCall: (call: ObservedCall) => void
}

/**
 * Serves both protocol eras from one factory, statelessly. The SDK gets the body parsed, and a response that is not a
 * stream is one write with its length: through TLS every small write costs a record.
 */
export function createAdapter(
  factory: McpServerFactory,
  { onError, onCall, ...limits }: AdapterOptions,
): McpAdapter {
  const handler = createMcpHandler(factory, {
    legacy: 'stateless',
    maxRequestBodySize: limits.maxBodyBytes,
    onerror: onError,
  })
  return {
    async handle(request, response, authInfo) {
      const gone = new AbortController()
      const begun = performance.now()
      let tool: string | undefined
      let outcome: ObservedCall['outcome'] = 'error'
      response.once('close', () => gone.abort())
      try {
        const parsedBody = request.method === 'POST' ? await readJsonBody(request, limits) : undefined
        tool = calledTool(parsedBody)
        const answer = await handler.fetch(webRequest(request, gone.signal), {
          ...(authInfo && { authInfo }),
          ...(parsedBody !== undefined && { parsedBody }),
        })
        outcome = outcomeOf(await write(response, answer)) ?? 'unseen'
      } catch (error) {
        if (gone.signal.aborted) return
        if (error instanceof BodyRefused)
          return answerRefusal(response, error.status, jsonRpcError(error.code, error.message))
        onError(error instanceof Error ? error : new Error(String(error)))
        answerRefusal(response, 500, jsonRpcError(-32603, 'Internal error'))
      } finally {
        if (gone.signal.aborted && !response.writableEnded) outcome = 'aborted'
        if (tool !== undefined) onCall({ tool, outcome, seconds: (performance.now() - begun) / 1000 })
      }
    },
    close: () => handler.close(),
  }
}

/** Without its body: the SDK gets that parsed. */
function webRequest(request: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const secure = 'encrypted' in request.socket
  const url = `${secure ? 'https' : 'http'}://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`
  return new Request(url, { method: request.method ?? 'GET', headers, signal })
}

/** How much of a stream is kept, to see the result of the call. */
const keptOfStream = 64 * 1024

/** Writes an answer, and returns what was written. */
async function write(response: ServerResponse, answer: Response): Promise<KeptAnswer> {
  const { status } = answer
  // The SDK must not decide whether the connection stays open: it would keep one alive that is draining.
  const { connection: _, ...headers } = Object.fromEntries(answer.headers)
  if (answer.body === null || !/^text\/event-stream/i.test(headers['content-type'] ?? '')) {
    const body = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { ...headers, 'content-length': body.length }).end(body)
    return { status, isStream: false, text: body.toString('utf8') }
  }
  response.writeHead(answer.status, headers)
  response.flushHeaders()
  let kept: Buffer[] | undefined = []
  let size = 0
  for await (const chunk of answer.body) {
    if (response.destroyed) return { status, isStream: true, text: undefined } // leaving the loop cancels the stream
    size += chunk.length
    if (size > keptOfStream) kept = undefined
    kept?.push(Buffer.from(chunk))
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
  return { status, isStream: true, text: kept && Buffer.concat(kept).toString('utf8') }
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
