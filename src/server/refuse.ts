import type { ServerResponse } from 'node:http'

/** How long a refused client may go on sending, milliseconds. */
const timeToSend = 5000

/**
 * Answers a request that is not served with JSON, and ends the connection. What the client still sends is thrown away for a
 * moment: many send all of a body before they read, and closed at once, a connection loses the answer as well.
 */
export function answerRefusal(response: ServerResponse, status: number, body: string, phrase?: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, phrase, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  const request = response.req
  if (request.complete) {
    response.end(body)
    return
  }
  response.write(body)
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, timeToSend)
  request.resume().once('close', end)
}

/** The body of a refusal in the words of MCP: an error outside any call. */
export function jsonRpcError(code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })
}
