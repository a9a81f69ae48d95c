import { readFileSync } from 'node:fs'
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { identityOf } from '../../src/server/index.js'
import { type ForgeOptions, forge, writeSet } from './forge.js'
import { scratch } from './scratch.js'
import { ask, mcpHeaders } from './wire.js'
import { makeWorld, type World } from './world.js'

/** A CA with a server, and agents with a certificate each: by their names, the directories that they call from. */
export interface AgentWorld<Name extends string> {
  readonly world: World
  readonly agents: Readonly<Record<Name, string>>
}

/** The usual SPIFFE ID of an agent. */
export const idOf = (name: string) => `spiffe://demo.local/agent/${name}`

export async function withAgents<Name extends string>(...names: readonly Name[]): Promise<AgentWorld<Name>> {
  const world = await makeWorld()
  onTestFinished(() => world[Symbol.asyncDispose]())
  const made = names.map(async (name) => [
    name,
    await agentOf(world, { uri: [idOf(name)], commonName: name }),
  ])
  return { world, agents: Object.fromEntries(await Promise.all(made)) }
}

/** The directory of a client with such a certificate. */
export async function agentOf({ ca, server }: World, options: ForgeOptions): Promise<string> {
  const directory = scratch()
  const client = await forge({ issuer: ca, usage: 'client', ...options })
  await writeSet(directory, { ca, server, client })
  return directory
}

/** Three tools, two prompts, two resources and a template; `wait` runs until it is aborted. What has run stands in `ran`. */
export function libraryServer(ran: string[] = [], signals: { waiting?: () => void } = {}): McpServer {
  const server = new McpServer(
    { name: 'library', version: '1.0.0' },
    { capabilities: { resources: { subscribe: true, listChanged: true }, tools: { listChanged: true } } },
  )
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  const contents = (uri: URL) => ({ contents: [{ uri: uri.href, text: 'content' }] })
  server.registerTool('read', { inputSchema: z.object({ book: z.string().optional() }) }, () => {
    ran.push('read')
    return text('read')
  })
  server.registerTool('write', { inputSchema: z.object({}).loose() }, () => {
    ran.push('write')
    return text('written')
  })
  server.registerTool('who', { inputSchema: z.object({}) }, (_input, context) =>
    text(JSON.stringify(identityOf(context) ?? null)),
  )
  server.registerTool('wait', { inputSchema: z.object({}) }, (_input, context) => {
    ran.push('wait')
    signals.waiting?.()
    const { signal } = context.mcpReq
    return new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        ran.push('aborted')
        resolve(text('aborted'))
      }),
    )
  })
  server.registerPrompt('greet', { argsSchema: z.object({ name: z.string().optional() }) }, () => {
    ran.push('greet')
    return { messages: [] }
  })
  server.registerPrompt('secret', {}, () => {
    ran.push('secret')
    return { messages: [] }
  })
  for (const name of ['public', 'private'])
    server.registerResource(name, `file:///srv/${name}/a`, {}, (uri) => {
      ran.push(uri.href)
      return contents(uri)
    })
  server.registerResource(
    'books',
    new ResourceTemplate('file:///srv/books/{title}', { list: undefined }),
    {},
    (uri) => contents(uri),
  )
  return server
}

/** The lines of a record, parsed. */
export function linesOf(path: string): Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

export interface JsonRpcAnswer {
  readonly status: number
  readonly id?: unknown
  readonly result?: Record<string, unknown> & { readonly [list: string]: unknown }
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly data?: Record<string, unknown>
  }
}

/** What each request of 2026-07-28 says of its client. */
export const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** One request of 2026-07-28, or of 2025-11-25 without a session. */
export async function rpc(
  url: string,
  certDir: string,
  method: string,
  params: Record<string, unknown> = {},
  {
    era = 'modern',
    headers = {},
    signal,
  }: { era?: 'modern' | 'legacy'; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<JsonRpcAnswer> {
  const isModern = era === 'modern'
  const name = params.name ?? params.uri
  const answer = await ask(url, certDir, {
    ...(signal && { signal }),
    headers: {
      ...mcpHeaders,
      'mcp-protocol-version': isModern ? '2026-07-28' : '2025-11-25',
      ...(isModern && { 'mcp-method': method }),
      ...(isModern && typeof name === 'string' && { 'mcp-name': name }),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...params, ...(isModern && { _meta: envelope }) },
    }),
  })
  return { status: answer.status, ...messageOf(answer.body) }
}

/** The one message of an answer, as JSON or as an event. */
export function messageOf(body: string): Omit<JsonRpcAnswer, 'status'> {
  const data = /^data: (.+)$/m.exec(body)?.[1]
  return body === '' ? {} : JSON.parse(data ?? body)
}

/** The names in a list. */
export function namesIn({ result }: JsonRpcAnswer, list: string): string[] {
  const items = (result?.[list] ?? []) as { name?: string; uri?: string; uriTemplate?: string }[]
  return items.map(({ uri, uriTemplate, name }) => uri ?? uriTemplate ?? name ?? '')
}
