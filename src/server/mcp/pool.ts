import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo, McpServer } from '@modelcontextprotocol/server'
import { type AnyMcpServer, closeServer, type FactoryContext, isOfThisSdk, protocolOf } from './any-server.js'
import { bindToNewest } from './bind-to-newest.js'
import type { EndedCall } from './outcome.js'
import { modernRevision, type PlainRequest, plainRequest } from './plain-request.js'
import { Shared, type SharedOptions } from './shared-server.js'

type Era = PlainRequest['era']

export interface PoolOptions extends SharedOptions {
  readonly make: (context: FactoryContext) => Promise<AnyMcpServer>
  /** Requests of older revisions belong to sessions. */
  readonly sessions: unknown
  readonly onError: (error: Error) => void
}

/** So many calls of a tool are answered by servers of their own, to see what it does with them. */
const calmCalls = 2
/** Tools that are watched; more than that are always answered by servers of their own. */
const watchedAtMost = 10_000

/**
 * One long-lived server for many requests at once, in place of one for each: most of what a call costs is to make and
 * connect a server (measured: 0.17 of the CPU time). It is used for requests of the usual form, as long as neither the
 * factory nor a tool makes a difference between requests by their server: the factory asks who calls, or a tool changes its server, asks it about the
 * client, or closes it. From the first time on each request has a server of its own again, for good.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #shared = new Map<Era, Shared | 'opening'>()
  /** How many calls of each tool, prompt, or list have done nothing of the kind. */
  readonly #calm = new Map<string, number>()
  #isOver = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Answers this request, or says that it has to go the usual way. */
  answers(
    request: IncomingMessage,
    response: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: unknown,
  ): boolean {
    if (this.#isOver || request.method !== 'POST') return false
    const plain = plainRequest(request.headers, body)
    if (
      !plain ||
      (plain.era === 'legacy' && this.#options.sessions) ||
      (this.#calm.get(keyOf(plain)) ?? 0) < calmCalls
    )
      return false
    const shared = this.#shared.get(plain.era)
    if (shared instanceof Shared) return shared.answers(plain, request, response, authInfo, body as object)
    if (!shared) void this.#open(plain.era)
    return false
  }

  /** A call was answered by a server of its own. */
  noteCalm({ call: { method, target, protocolVersion }, outcome }: EndedCall): void {
    if (this.#isOver || (outcome !== 'ok' && outcome !== 'tool_error')) return
    const name = 'name' in target ? target.name : 'uri' in target ? target.uri : undefined
    const key = keyOf({ era: protocolVersion === modernRevision ? 'modern' : 'legacy', method, name })
    const calm = this.#calm.get(key) ?? 0
    if (calm < calmCalls && (calm > 0 || this.#calm.size < watchedAtMost)) this.#calm.set(key, calm + 1)
  }

  /** Notes what a server is used for beyond answering. */
  watch(server: AnyMcpServer): void {
    if (this.#isOver) return
    const protocol = protocolOf(server)
    for (const [of, names] of [
      [server, changing],
      [protocol, telling],
    ] as const)
      for (const name of names) this.#watchMethod(of as Record<string, unknown>, name)
  }

  /** A context for the factory that notes whether it is looked at, also where nobody calls yet. */
  watchContext({ era, authInfo, requestInfo }: FactoryContext): FactoryContext {
    const seen = <Value>(value: Value) => ({
      get: () => {
        this.end()
        return value
      },
      enumerable: true,
    })
    return Object.defineProperties(
      { era },
      {
        authInfo: seen(authInfo),
        requestInfo: seen(requestInfo),
      },
    ) as FactoryContext
  }

  /** From now on each request has a server of its own. Requests that run get their answer. */
  end(): void {
    this.#isOver = true
    this.#calm.clear()
    for (const shared of this.#shared.values()) if (shared instanceof Shared) shared.endAfterAnswers()
    this.#shared.clear()
  }

  async close(): Promise<void> {
    const open = [...this.#shared.values()]
    this.end()
    await Promise.all(open.map((shared) => (shared instanceof Shared ? shared.close() : undefined)))
  }

  #watchMethod(of: Record<string, unknown>, name: string): void {
    const method = of[name]
    if (typeof method !== 'function') return
    of[name] = (...given: unknown[]) => {
      this.end()
      return Reflect.apply(method, of, given)
    }
  }

  async #open(era: Era): Promise<void> {
    this.#shared.set(era, 'opening')
    try {
      const server = await this.#options.make({ era })
      const isPossible = era === 'legacy' || isOfThisSdk(server)
      if (this.#isOver || !isPossible) return void (await closeServer(server))
      if (era === 'modern') await bindToNewest(server as McpServer)
      const shared = new Shared(era, server, this.#options, () => this.end())
      await shared.connect()
      if (this.#isOver) await shared.close()
      else this.#shared.set(era, shared)
    } catch (error) {
      this.#isOver = true
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** Methods by which a server is changed. */
const changing = ['registerTool', 'registerPrompt', 'registerResource', 'tool', 'prompt', 'resource']
/** Those of its part that speaks the protocol, and those that tell of the client. */
const telling = [
  'setRequestHandler',
  'removeRequestHandler',
  'setNotificationHandler',
  'removeNotificationHandler',
  'registerCapabilities',
  'getClientCapabilities',
  'getClientVersion',
  'getNegotiatedProtocolVersion',
]

function keyOf({ era, method, name }: Pick<PlainRequest, 'era' | 'method' | 'name'>): string {
  return method === 'resources/read' ? `${era} ${method}` : `${era} ${method} ${name ?? ''}`
}
