import type { McpServer } from '@modelcontextprotocol/server'
import { onTestFinished } from 'vitest'
import { expose } from '../../src/expose/index.js'
import { type RunningServer, type ServeOptions, serve } from '../../src/server/index.js'
import { type AgentWorld, envelope, idOf, libraryServer, withAgents } from './agents.js'
import { initialize } from './raw-session.js'
import { plainServer } from './upstream.js'
import { type Answer, ask, mcpHeaders } from './wire.js'

/** Every kind of server that a policy can stand before. */
export const kinds = ['serve', 'serve with sessions', 'expose a program', 'expose an upstream'] as const
export type Kind = (typeof kinds)[number]
export type Era = 'modern' | 'legacy'
export const eras: readonly Era[] = ['modern', 'legacy']
export const everyKindAndEra = kinds.flatMap((kind) => eras.map((era) => [kind, era] as const))

/** Reporting may use what is called `read`, `greet` and public; admin everything; nobody else anything. */
export const libraryPolicy = {
  rules: [
    {
      name: 'reporting reads',
      allow: [idOf('reporting')],
      tools: ['read'],
      prompts: ['greet'],
      resources: ['file:///srv/public/**', 'file:///srv/books/*'],
    },
    { name: 'admin', allow: [idOf('admin')], tools: ['*'], prompts: ['*'], resources: ['file:///srv/**'] },
  ],
}

export interface Guarded extends AgentWorld<'reporting' | 'admin'> {
  readonly server: RunningServer
  readonly url: string
  readonly kind: Kind
  /** What has run, was read, or was asked of the server behind, in this order: names of tools and prompts, URIs. */
  readonly ran: readonly string[]
  /** All that has come to the server behind, as it came; nothing where there is none. */
  readonly came: readonly string[]
}

export interface GuardedParts {
  /** How the server behind answers, where there is one. */
  readonly behind?: (message: Message) => readonly object[]
  /** Otherwise, the server of this process. */
  readonly make?: (ran: string[]) => McpServer
}

/** A library behind a policy. */
export async function guarded(
  kind: Kind,
  options: Omit<Partial<ServeOptions>, 'name' | 'sessions' | 'perRequest'> = {},
  { behind = libraryBehind, make = libraryServer }: GuardedParts = {},
): Promise<Guarded> {
  const { world, agents } = await withAgents('reporting', 'admin')
  const ran: string[] = []
  const came: string[] = []
  const shared = {
    name: `library-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: libraryPolicy,
    ...options,
  } as const
  const start = async () => {
    if (kind === 'serve') return serve(() => make(ran), shared)
    if (kind === 'serve with sessions') return serve(() => make(ran), { ...shared, sessions: true })
    const plain = await plainServer((request, response, body) => {
      came.push(body === '' ? `${request.method} ${request.url}` : body)
      const messages: readonly Message[] = body === '' ? [] : [JSON.parse(body)].flat()
      for (const message of messages) ran.push(...namedIn(message))
      const answers = messages.flatMap(behind)
      if (answers.length === 0) return void response.writeHead(202).end()
      const isOpening = messages.some(({ method }) => method === 'initialize')
      const isProgram = request.headers['x-program'] !== undefined
      response.writeHead(200, {
        'content-type': isProgram || answers.length === 1 ? 'application/json' : 'text/event-stream',
        ...(isOpening && { 'mcp-session-id': crypto.randomUUID() }),
      })
      const text = answers.map((answer) => JSON.stringify(answer))
      if (isProgram) response.end(text.join('\n'))
      else response.end(text.length === 1 ? text[0] : text.map((data) => `data: ${data}\n\n`).join(''))
    })
    return kind === 'expose an upstream'
      ? expose({ upstream: plain.url, ...shared })
      : expose({
          command: process.execPath,
          args: ['--input-type=module', '-e', program, plain.url],
          ...shared,
        })
  }
  const server = await start()
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  return { world, agents, server, url: server.url, kind, ran, came }
}

/** A program whose lines are answered by an HTTP server: that one can stand in the test. */
const program = `
import { createInterface } from 'node:readline'
for await (const body of createInterface({ input: process.stdin }))
  fetch(process.argv[1], { method: 'POST', headers: { 'x-program': 'yes' }, body })
    .then((answer) => answer.text())
    .then((text) => text && console.log(text))
`

export interface Message {
  readonly id?: string | number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
}

/** What a message asks for, if it would run or read something. */
function namedIn({ method, params = {} }: Message): string[] {
  const { name, uri, ref, notifications } = params as {
    name?: string
    uri?: string
    ref?: { name?: string; uri?: string }
    notifications?: { resourceSubscriptions?: string[] }
  }
  if (method === undefined || method === 'initialize' || method.startsWith('notifications/')) return []
  const named = name ?? uri ?? ref?.name ?? ref?.uri
  return [named ?? notifications?.resourceSubscriptions ?? []].flat().map(textOf)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const capabilities = { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {} }
const serverInfo = { name: 'behind', version: '1.0.0' }
const inputSchema = { type: 'object' }

const results: Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => object>> = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities, serverInfo }),
  'server/discover': () => ({ supportedVersions: ['2026-07-28'], capabilities, serverInfo }),
  'tools/list': () => ({ tools: ['read', 'write', 'who', 'wait'].map((name) => ({ name, inputSchema })) }),
  'prompts/list': () => ({ prompts: ['greet', 'secret'].map((name) => ({ name })) }),
  'resources/list': () => ({
    resources: ['public', 'private'].map((name) => ({ name, uri: `file:///srv/${name}/a` })),
  }),
  'resources/templates/list': () => ({
    resourceTemplates: ['books', 'diaries'].map((name) => ({
      name,
      uriTemplate: `file:///srv/${name}/{title}`,
    })),
  }),
  'tools/call': ({ name }) => ({ content: [{ type: 'text', text: `ran ${textOf(name)}` }] }),
  'prompts/get': () => ({ messages: [] }),
  'resources/read': ({ uri }) => ({ contents: [{ uri, text: 'content' }] }),
  'completion/complete': () => ({ completion: { values: ['one'] } }),
}

/** Answers as the library does, whatever revision it is asked in. */
export function libraryBehind({ id, method, params = {} }: Message): readonly object[] {
  if (id === undefined || method === undefined) return []
  const result = Object.hasOwn(results, method) ? results[method]?.(params) : {}
  return [{ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }]
}

/** Somebody who says things to a server in their own words. */
export interface Speaker {
  /** One request, its body as it stands. */
  say(said: Said): Promise<Answer>
  readonly session: string | undefined
}

export interface Said {
  readonly body: string
  readonly headers?: Readonly<Record<string, string | string[]>>
}

/** A request as its revision writes it. */
export function said(
  era: Era,
  method: string,
  params: Record<string, unknown> = {},
  id: unknown = 1,
): { body: string; headers: Record<string, string> } {
  const isModern = era === 'modern'
  const named = { 'tools/call': params.name, 'prompts/get': params.name, 'resources/read': params.uri }[
    method
  ]
  const message = {
    jsonrpc: '2.0',
    id,
    method,
    params: { ...params, ...(isModern && { _meta: envelope }) },
  }
  return {
    body: JSON.stringify(message),
    headers: {
      'mcp-protocol-version': isModern ? '2026-07-28' : '2025-11-25',
      ...(isModern && { 'mcp-method': asHeader(method) }),
      ...(isModern && typeof named === 'string' && { 'mcp-name': asHeader(named) }),
    },
  }
}

/** 2026-07-28, "Standard MCP Request Headers". */
export function asHeader(text: string): string {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`
}

/** In a session, where a server has them in that revision. */
export async function speaker(
  { url, kind, agents }: Pick<Guarded, 'url' | 'kind' | 'agents'>,
  agent: 'reporting' | 'admin',
  era: Era,
  protocolVersion = '2025-11-25',
): Promise<Speaker> {
  const post = ({ body, headers }: Said, more: Record<string, string> = {}) =>
    ask(url, agents[agent], { headers: { ...mcpHeaders, ...headers, ...more }, body })
  if (era === 'modern' || kind === 'serve') return { say: (one) => post(one), session: undefined }
  const opened = await post({ body: JSON.stringify(initialize(protocolVersion)) })
  const session = String(opened.headers['mcp-session-id'])
  const own = { 'mcp-session-id': session, 'mcp-protocol-version': protocolVersion }
  await post({ body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' }, own)
  return {
    say: (one) =>
      post(
        { ...one, headers: { 'mcp-protocol-version': protocolVersion, ...one.headers } },
        { 'mcp-session-id': session },
      ),
    session,
  }
}
