import type { Client, Tool } from '@modelcontextprotocol/client'
import type { Toolbox } from './plan.js'
import { whileNotAborted } from './while-not-aborted.js'

/** What was negotiated with a server. */
export interface ConnectionFacts {
  readonly tlsVersion: string | undefined
  readonly cipherSuite: string | undefined
  readonly keyExchange: string | undefined
  readonly resumed: boolean
  readonly verified: boolean
  readonly peer: { readonly id: string } | undefined
}

/** The part of a client that the coordinator uses; `MtlsClient` has it, and so does any client of the SDK. */
export interface ToolClient extends Pick<Client, 'listTools' | 'callTool' | 'close'> {
  /** Undefined without TLS. */
  connection?(): ConnectionFacts | undefined
}

/** Connects to one server, until the signal aborts. */
export type Connect = (signal: AbortSignal) => Promise<ToolClient>

interface Opened {
  readonly client: ToolClient
  readonly tools: readonly Tool[]
}

/** The servers of one question: connects to each once, when it is first needed. */
export class Connections implements Toolbox {
  readonly servers: readonly string[]
  readonly #connects: Readonly<Record<string, Connect>>
  readonly #signal: AbortSignal
  readonly #opened = new Map<string, Promise<Opened>>()
  readonly #clients = new Set<ToolClient>()
  #closed = false

  constructor(connects: Readonly<Record<string, Connect>>, signal: AbortSignal) {
    this.servers = Object.keys(connects)
    this.#connects = connects
    this.#signal = signal
  }

  open(server: string): Promise<Opened> {
    const opened = this.#opened.get(server) ?? this.#open(server)
    this.#opened.set(server, opened)
    return opened
  }

  async toolsOf(server: string): Promise<readonly Tool[]> {
    return (await this.open(server)).tools
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#clients].map((client) => client.close()))
  }

  async #open(server: string): Promise<Opened> {
    const client = await whileNotAborted(this.#connect(server), this.#signal)
    // Fetching the list also makes the SDK check results against the declared output schemas.
    const { tools } = await whileNotAborted(client.listTools({}, { signal: this.#signal }), this.#signal)
    return { client, tools }
  }

  async #connect(server: string): Promise<ToolClient> {
    const connect = this.#connects[server]
    if (!connect) throw new TypeError(`there is no server "${server}"`)
    const client = await connect(this.#signal)
    // Nothing is waiting for a connection that took too long.
    if (this.#closed) await client.close()
    this.#clients.add(client)
    return client
  }
}
