import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo, McpServer } from '@modelcontextprotocol/server'
import { BoundedMap } from '../../tls/bounded-map.js'
import {
  type AnyMcpServer,
  closeServer,
  type FactoryContext,
  inTime,
  isOfThisSdk,
  protocolOf,
} from './any-server.js'
import { bindToNewest } from './bind-to-newest.js'
import type { EndedCall } from './outcome.js'
import { modernRevision, type PlainRequest, plainRequest } from './plain-request.js'
import { Shared, type SharedOptions } from './shared-server.js'

type Era = PlainRequest['era']

export interface PoolOptions extends SharedOptions {
  readonly make: (context: FactoryContext, reader?: Reader) => Promise<AnyMcpServer>
  /** Requests of older revisions belong to sessions. */
  readonly sessions: unknown
  readonly onError: (error: Error) => void
}

/** For a server that answers requests which its factory was not told of. */
interface Reader {
  /** Called when somebody looks for the request all the same. */
  tooLate?: () => void
}

/** Kinds of calls that are known; the oldest is forgotten, and is watched again. */
const watchedAtMost = 1000
/** Names of tools have up to 128 characters (2025-11-25, "Tool Names"). */
const longestName = 128
/** How old a shared server grows: what its factory reads elsewhere may have changed; milliseconds. */
const longestLife = 60_000

/**
 * One long-lived server for many requests at once, in place of one for each: most of what a call costs is to make and
 * connect a server. It is used for requests of the usual form, from the second call of a tool on, as long as neither the
 * factory nor a tool makes a difference between requests by their server: the factory asks who calls, or a tool changes its server, asks it about the
 * client, speaks without saying for which call, or closes it. From the first time on each request has a server of its own again, for good.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #shared = new Map<Era, Shared>()
  /** When one was last made, or should have been. */
  readonly #opened = new Map<Era, number>()
  /** Tools, prompts and lists that were called, and did nothing of the kind. */
  readonly #calm = new BoundedMap<string, true>(watchedAtMost)
  readonly #made = new WeakSet<AnyMcpServer>()
  /** Counts what makes all servers that were made outdated. */
  #version = 0
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
    if (!plain || !this.#calm.has(keyOf(plain))) return false
    this.#open(plain.era)
    const shared = this.#shared.get(plain.era)
    return shared?.answers(plain, request, response, authInfo, body as object) ?? false
  }

  /** A call was answered by a server of its own. */
  noteCalm({ call: { method, target, protocolVersion }, outcome }: EndedCall): void {
    const era = protocolVersion === modernRevision ? 'modern' : 'legacy'
    if (this.#isOver || (era === 'legacy' && this.#options.sessions)) return
    const name = 'name' in target ? target.name : undefined
    if (outcome !== 'ok' || (name ?? method).length > longestName) return
    this.#calm.set(keyOf({ era, method, name }), true)
    this.#open(era)
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

  /** A factory that gives one server again and again means what it does. */
  noteMade(server: AnyMcpServer): void {
    if (this.#made.has(server)) this.end()
    this.#made.add(server)
  }

  /** A context for the factory that notes whether it is looked at, also where nobody calls yet. */
  watchContext({ era, authInfo, requestInfo }: FactoryContext, reader: Reader | undefined): FactoryContext {
    const seen = <Value>(value: Value) => ({
      get: () => {
        this.end()
        reader?.tooLate?.()
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

  /** What the factory makes may be another thing now. */
  renew(): void {
    this.#version++
    this.#opened.clear()
    for (const shared of this.#shared.values()) shared.endAfterAnswers()
    this.#shared.clear()
  }

  /** From now on each request has a server of its own. Requests that run get their answer. */
  end(): void {
    this.#isOver = true
    this.#calm.clear()
    this.renew()
  }

  async close(): Promise<void> {
    const open = [...this.#shared.values()]
    this.end()
    await Promise.all(open.map((shared) => shared.close()))
  }

  #watchMethod(of: Record<string, unknown>, name: string): void {
    const method = of[name]
    if (typeof method !== 'function') return
    of[name] = (...given: unknown[]) => {
      this.end()
      return Reflect.apply(method, of, given)
    }
  }

  /** Has a shared server made, in a while, where there is none or an old one. */
  #open(era: Era): void {
    const now = performance.now()
    if (now - (this.#opened.get(era) ?? Number.NEGATIVE_INFINITY) < longestLife) return
    this.#opened.set(era, now)
    this.#make(era).catch((error) =>
      this.#options.onError(error instanceof Error ? error : new Error(String(error))),
    )
  }

  /** Makes a shared server, and lets it take the place of an earlier one, which stays when this fails. */
  async #make(era: Era): Promise<void> {
    const version = this.#version
    const reader: Reader = {}
    const making = this.#options.make({ era }, reader)
    let isTooLate = false
    making.then((server) => (isTooLate ? closeServer(server) : undefined)).catch(() => {})
    const server = await inTime(making).catch((error) => {
      isTooLate = true
      throw error
    })
    if (era === 'modern' && !isOfThisSdk(server)) this.end()
    if (this.#version !== version) return closeServer(server)
    if (era === 'modern') await bindToNewest(server as McpServer)
    const shared = new Shared(era, server, this.#options, () => this.end())
    await shared.connect()
    if (this.#version !== version) return shared.close()
    reader.tooLate = () => shared.failRunning(askedTooLate)
    this.#shared.get(era)?.endAfterAnswers()
    this.#shared.set(era, shared)
  }
}

const askedTooLate =
  'The factory of this server looks at what it was told of another request: send this one again'

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

/** All resources are one kind: their URIs have no bound. */
function keyOf({ era, method, name }: Pick<PlainRequest, 'era' | 'method' | 'name'>): string {
  return method === 'resources/read' ? `${era} ${method}` : `${era} ${method} ${name ?? ''}`
}
