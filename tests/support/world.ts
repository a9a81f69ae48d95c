import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import {
  type FactoryContext,
  identityOf,
  type RunningServer,
  type SecurityEvent,
  type ServeOptions,
  serve,
} from '../../src/server/index.js'
import { type Forged, type ForgedSet, forge, forgeCa, writeSet } from './forge.js'

/** A CA with a server and a client of its own, in a folder that is gone when disposed of. */
export interface World extends AsyncDisposable {
  readonly certDir: string
  /** The directory as options of a server or a client. */
  readonly tls: { readonly certDir: string }
  readonly ca: Forged
  readonly server: Forged
  readonly client: Forged
}

export async function makeWorld(replace: Partial<ForgedSet> = {}): Promise<World> {
  const certDir = await mkdtemp(join(tmpdir(), 'mcp-mtls-test-'))
  const ca = replace.ca ?? (await forgeCa())
  const server = replace.server ?? (await forge({ issuer: ca, usage: 'server', commonName: 'mcp-server' }))
  const client = replace.client ?? (await forge({ issuer: ca, usage: 'client', commonName: 'mcp-client' }))
  await writeSet(certDir, { ...replace, ca, server, client })
  return {
    certDir,
    tls: { certDir },
    ca,
    server,
    client,
    [Symbol.asyncDispose]: () => rm(certDir, { recursive: true, force: true }),
  }
}

/** An MCP server with three tools: `echo` (read-only), `who` (the caller) and `count` (not idempotent). */
export function testServer(calls: string[] = []): McpServer {
  const server = new McpServer({ name: 'test-mcp', version: '1.0.0' })
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  server.registerTool(
    'echo',
    { inputSchema: z.object({ text: z.string() }), annotations: { readOnlyHint: true } },
    ({ text: value }) => {
      calls.push(value)
      return text(value)
    },
  )
  server.registerTool(
    'who',
    { inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    (_input, context) => text(JSON.stringify(identityOf(context) ?? null)),
  )
  server.registerTool('count', { inputSchema: z.object({}) }, () => {
    calls.push('count')
    return text(String(calls.length))
  })
  return server
}

type EventName = SecurityEvent['event']
type Named<Name extends EventName> = Extract<SecurityEvent, { event: Name }>

export interface Served extends AsyncDisposable {
  readonly server: RunningServer
  /** Security events in their order. */
  readonly events: SecurityEvent[]
  /** What the tools were called with. */
  readonly calls: string[]
  /** The first event with this name, past or to come. */
  event<Name extends EventName>(name: Name): Promise<Named<Name>>
  /** Resolves as soon as there are so many events with this name. */
  count<Name extends EventName>(name: Name, wanted: number): Promise<readonly Named<Name>[]>
}

/** Serves `testServer`, or another factory, on a free port; the events are collected. */
export async function serveTest(
  options: Partial<ServeOptions>,
  factory?: (calls: string[], context: FactoryContext) => McpServer,
): Promise<Served> {
  const events: SecurityEvent[] = []
  const calls: string[] = []
  const waiting = new Set<() => void>()
  const count = <Name extends EventName>(name: Name, wanted: number) =>
    new Promise<readonly Named<Name>[]>((resolve) => {
      const look = () => {
        const found = events.filter((event): event is Named<Name> => event.event === name)
        if (found.length < wanted) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  const server = await serve((context) => (factory ?? testServer)(calls, context), {
    name: `test-${crypto.randomUUID()}`,
    tlsPort: 0,
    log: false,
    onSecurityEvent: (event) => {
      events.push(event)
      for (const look of waiting) look()
    },
    ...options,
  })
  return {
    server,
    events,
    calls,
    count,
    event: async (name) => (await count(name, 1))[0] as Named<typeof name>,
    [Symbol.asyncDispose]: () => server.close({ drainTimeout: 0 }),
  }
}
