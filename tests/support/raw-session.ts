import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { onTestFinished } from 'vitest'
import { type Answer, ask, clientTls, mcpHeaders } from './wire.js'

export const initialize = (protocolVersion = '2025-11-25', capabilities: object = {}) => ({
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: { protocolVersion, capabilities, clientInfo: { name: 'raw', version: '1.0.0' } },
})

export interface RawSession {
  readonly id: string
  /** The `initialize` result. */
  readonly result: { readonly protocolVersion: string; readonly capabilities: Record<string, unknown> }
  post(message: unknown, headers?: Record<string, string>): Promise<Answer>
  delete(): Promise<Answer>
  /** Its GET stream. */
  listen(headers?: Record<string, string>): Promise<Stream>
}

/** What a stream of events has brought so far. */
export interface Stream {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Each message that came, with the id of its event. */
  readonly events: readonly { readonly id: string | undefined; readonly message: Record<string, unknown> }[]
  /** All that came, as it came. */
  readonly text: string
  /** Resolves when the server has ended it, or the connection broke. */
  readonly closed: Promise<void>
  /** Reads no more. */
  pause(): void
  destroy(): void
}

/** The messages in the text of an event stream, or the one in JSON. */
export function messagesIn(body: string): Record<string, unknown>[] {
  if (!/^(event|id|data|:|retry)/.test(body)) return [JSON.parse(body)]
  return eventsIn(body).map(({ message }) => message)
}

function eventsIn(text: string) {
  return text.split('\n\n').flatMap((event) => {
    const data = /^data: (.+)$/m.exec(event)?.[1]
    return data === undefined ? [] : [{ id: /^id: (.*)$/m.exec(event)?.[1], message: JSON.parse(data) }]
  })
}

/** Opens a session by hand, with the client certificate of a directory. */
export async function openRawSession(
  url: string,
  certDir: string | undefined,
  { protocolVersion = '2025-11-25', capabilities = {} } = {},
): Promise<RawSession> {
  const post = (message: unknown, headers: Record<string, string> = {}) =>
    ask(url, certDir, { headers: { ...mcpHeaders, ...headers }, body: JSON.stringify(message) })
  const opened = await post(initialize(protocolVersion, capabilities))
  const id = opened.headers['mcp-session-id']
  if (typeof id !== 'string') throw new Error(`no session: ${opened.status} ${opened.body}`)
  const own = { 'mcp-session-id': id, 'mcp-protocol-version': protocolVersion }
  await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, own)
  return {
    id,
    result: messagesIn(opened.body)[0]?.result as RawSession['result'],
    post: (message, headers) => post(message, { ...own, ...headers }),
    delete: () => ask(url, certDir, { method: 'DELETE', headers: own }),
    listen: (headers) => openStream(url, certDir, { ...own, ...headers }),
  }
}

export function openStream(
  url: string,
  certDir: string | undefined,
  headers: Record<string, string>,
  body?: string,
): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      ...(certDir && clientTls(certDir)),
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...mcpHeaders, ...(body === undefined && { accept: 'text/event-stream' }), ...headers },
      agent: false,
    })
    onTestFinished(() => void asked.destroy())
    asked.on('error', reject).on('response', (response: IncomingMessage) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('error', () => {})
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        get text() {
          return text
        },
        get events() {
          return eventsIn(text.slice(0, text.lastIndexOf('\n\n') + 2))
        },
        closed: new Promise((done) => response.once('close', () => done())),
        pause: () => void response.pause(),
        destroy: () => asked.destroy(),
      })
    })
    asked.end(body)
  })
}
