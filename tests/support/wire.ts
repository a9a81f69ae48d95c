import { readFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http'
import { type AgentOptions, request as tlsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as tlsConnect } from 'node:tls'
import { onTestFinished } from 'vitest'

/** The client's half of a certificate directory, for Node's own TLS. */
export function clientTls(certDir: string) {
  const read = (name: string) => readFileSync(join(certDir, name))
  return { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') }
}

export interface Wire {
  readonly socket: Socket
  /** What has arrived so far. */
  received(): string
  /** Resolves when what has arrived matches; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves with all that arrived when the other side has closed. */
  readonly closed: Promise<string>
}

/** A connection to write bytes on: TLS with the client certificate of a directory, or plain TCP without one. */
export async function openWire(url: string, certDir?: string, localAddress?: string): Promise<Wire> {
  const { hostname, port } = new URL(url)
  const to = { host: hostname, port: Number(port), ...(localAddress && { localAddress }) }
  const socket: Socket = certDir
    ? tlsConnect({ ...to, servername: 'localhost', ...clientTls(certDir) })
    : connect(to)
  onTestFinished(() => void socket.destroy())
  let arrived = ''
  const looks = new Set<() => void>()
  socket.setEncoding('utf8').on('data', (chunk) => {
    arrived += chunk
    for (const look of looks) look()
  })
  socket.on('error', () => {})
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(arrived)))
  const opened = new Promise((resolve) => socket.once(certDir ? 'secureConnect' : 'connect', resolve))
  await Promise.race([opened, closed])
  return {
    socket,
    received: () => arrived,
    closed,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(arrived)
          if (found) resolve(found)
        }
        looks.add(look)
        look()
        closed.then(() => reject(new Error(`closed without ${pattern}: ${arrived}`)))
      }),
  }
}

/** A request in bytes. Without a body it is a GET. */
export function httpText(path: string, headers: Record<string, string> = {}, body?: string): string {
  const all = {
    host: 'localhost',
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`
}

export const mcpHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

/** A call of a tool as revisions before 2026-07-28 write it. */
export function toolCall(name: string, args: object = {}): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: args },
  })
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string
  readonly tls?: AgentOptions
  readonly signal?: AbortSignal
}

/** One request by Node's own client on a connection of its own, with the client certificate of a directory. */
export function ask(
  url: string | URL,
  certDir: string | undefined,
  { method, headers, body, tls, signal }: Ask = {},
): Promise<Answer> {
  const target = new URL(url)
  const options = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body !== undefined && mcpHeaders), ...headers },
    agent: false as const,
    ...(signal && { signal }),
  }
  return new Promise((resolve, reject) => {
    const send =
      target.protocol === 'https:' && certDir !== undefined
        ? tlsRequest(target, { ...options, servername: 'localhost', ...clientTls(certDir), ...tls })
        : plainRequest(target, options)
    send
      .on('response', (response) => {
        const { statusCode: status = 0, headers } = response
        text(response).then((body) => resolve({ status, headers, body }), reject)
      })
      .on('error', reject)
      .end(body)
  })
}
