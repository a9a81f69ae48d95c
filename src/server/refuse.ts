import type { ServerResponse } from 'node:http'

/** How long a refused client may go on sending, milliseconds. */
const timeToSend = 5000

/**
 * Refuses a request with JSON, and ends the connection. Discards for a moment what the client still sends: many send
 * the whole body before they read, and if the connection closed at once the answer would be lost too.
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

/** The body of a refusal in MCP's format: an error outside any call. */
export function jsonRpcError(code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })
}
