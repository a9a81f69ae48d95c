import { McpServer, type McpServerFactory, Server, type Transport } from '@modelcontextprotocol/server'
import { MtlsError } from '../../errors.js'

/** A server of any version of the MCP SDK: an object that can be connected to a transport. */
export interface AnyMcpServer {
  connect(transport: never): Promise<unknown>
  close?(): Promise<unknown>
  /** @internal It leads elsewhere, and what clients listen for (`subscriptions/listen`) goes there too. */
  readonly relaysSubscriptions?: boolean
}

/** What the factory is told about the request or the session that it makes a server for. */
export type FactoryContext = Parameters<McpServerFactory>[0]

/** Makes one server: for each request, or for each session. */
export type AnyServerFactory = (context: FactoryContext) => AnyMcpServer | Promise<AnyMcpServer>

/** Whether a server can speak revision 2026-07-28: only those of the SDK that this package stands on. */
export function isOfThisSdk(server: AnyMcpServer): server is McpServer | Server {
  return server instanceof McpServer || server instanceof Server
}

/** Connects a server of any version to a transport of ours. */
export function connectTo(server: AnyMcpServer, transport: Transport): Promise<unknown> {
  return server.connect(transport as never)
}

/** Servers that are connected, or about to be. */
const inUse = new WeakSet<AnyMcpServer>()

/** Takes a server that was made. Throws when it serves somebody already: what ends that one would end both. */
export function claim(server: AnyMcpServer): void {
  if (inUse.has(server))
    throw new Error(
      'the factory gave a server that serves somebody already: it has to make a new one each time',
    )
  inUse.add(server)
}

/** Its connection has ended, or never came to be. */
export function giveBack(server: AnyMcpServer): void {
  inUse.delete(server)
}

/** Closes a server, by its own way where it has one. What it throws then changes nothing any more. */
export async function closeServer(server: AnyMcpServer | undefined): Promise<void> {
  try {
    await server?.close?.()
  } catch {}
  if (server) giveBack(server)
}

/** The part of an `McpServer` that speaks the protocol; low-level servers are it themselves. */
export function protocolOf(server: AnyMcpServer): object {
  const { server: inner } = server as { readonly server?: unknown }
  return typeof inner === 'object' && inner !== null ? inner : server
}

/** How long a factory may take where nobody waits; milliseconds. */
const patience = 30_000

/**
 * Calls the factory once, before anybody connects, and closes what it gave. Gives whether its servers can speak 2026-07-28.
 * Throws `CONFIG_INVALID` for what cannot be served, and for a factory that does not come to an end. What it throws
 * is told to `onError` alone: it may need a caller, or something that comes up later.
 */
export async function checkFactory(
  factory: AnyServerFactory,
  onError: (error: unknown) => void,
): Promise<boolean> {
  let made: unknown
  try {
    made = await inTime(factory({ era: 'modern' }))
  } catch (error) {
    if (error instanceof MtlsError) throw error
    onError(error)
    return true
  }
  const server = checkedServer(made)
  await closeServer(server)
  return isOfThisSdk(server)
}

/** What a factory gives, if it does in time. Throws `CONFIG_INVALID` when it does not. */
export async function inTime<Made>(made: Made | Promise<Made>): Promise<Made> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new MtlsError(
            'CONFIG_INVALID',
            `the factory of MCP servers gave none within ${patience / 1000} s`,
            {
              hint: 'It is called for each request or session: what takes long belongs before `serve`.',
            },
          ),
        ),
      patience,
    )
  })
  try {
    return await Promise.race([made, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/** What a factory made. Throws `CONFIG_INVALID` unless it can be connected. */
export function checkedServer(made: unknown): AnyMcpServer {
  const { connect, server } = (made ?? {}) as { readonly connect?: unknown; readonly server?: unknown }
  if (typeof connect === 'function') return made as AnyMcpServer
  const isPair = typeof (server as Partial<AnyMcpServer> | undefined)?.connect === 'function'
  throw new MtlsError(
    'CONFIG_INVALID',
    `the factory of MCP servers gave ${wordsFor(made)}, not a server: call it as ${isPair ? 'serve(() => create().server, …)' : "serve(() => new McpServer(…), { name: 'weather-mcp', tlsPort: 8443 })"}`,
    {
      hint: isPair
        ? 'What cleans up after a server goes into its `onclose`, which is called when its request or session ends.'
        : 'A server is an object with `connect(transport)`: `McpServer` or `Server` of any version of the MCP SDK.',
    },
  )
}

function wordsFor(made: unknown): string {
  if (made === undefined || made === null) return String(made)
  if (typeof made === 'function') return 'a function'
  if (typeof made !== 'object') return `a ${typeof made}`
  const names = Object.keys(made).slice(0, 5)
  return names.length === 0 ? 'an object without connect' : `an object with ${names.join(', ')}`
}
