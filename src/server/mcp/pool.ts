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
import type { KnownRequest } from './dispatch.js'
import { noticeChanges } from './notice-changes.js'
import type { EndedCall } from './outcome.js'
import { modernRevision, type PlainRequest, plainRequest } from './plain-request.js'
import { Shared, type SharedOptions } from './shared-server.js'

type Era = PlainRequest['era']

export interface PoolOptions extends SharedOptions {
  readonly make: (context: FactoryContext, reader?: Reader) => Promise<AnyMcpServer>
  /** Requests of older revisions belong to sessions. */
  readonly sessions: unknown
  readonly onError: (error: Error) => void
  /** Told why each request has a server of its own from now on. */
  readonly onEnd: (reason: string) => void
}

/** For a server that answers requests which its factory was not told of. */
interface Reader {
  /** Called when somebody looks for the request all the same. */
  tooLate?: () => void
}

/** A server that answers, and whether what is done to it still counts. */
interface Watched {
  readonly isShared: boolean
  isOver: boolean
  /** Looks for fields that are new. */
  look: () => void
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
  readonly #watched = new WeakMap<AnyMcpServer, Watched>()
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
    known?: KnownRequest,
  ): boolean {
    if (this.#isOver || request.method !== 'POST') return false
    const plain = known?.plain ?? plainRequest(request.headers, body)
    if (!plain || !this.#calm.has(keyOf(plain))) return false
    this.#open(plain.era)
    const shared = this.#shared.get(plain.era)
    return shared?.answers(plain, request, response, authInfo, body as object, known?.call) ?? false
  }

  /** A call was answered by a server of its own. */
  noteCalm(
    { call: { method, target, protocolVersion }, outcome }: EndedCall,
    server: AnyMcpServer | undefined,
  ): void {
    const watched = server && this.#watched.get(server)
    watched?.look()
    if (watched && !watched.isShared) watched.isOver = true // what it does while it is closed is its own
    const era = protocolVersion === modernRevision ? 'modern' : 'legacy'
    if (this.#isOver || (era === 'legacy' && this.#options.sessions)) return
    const name = 'name' in target ? target.name : undefined
    if (outcome !== 'ok' || (name ?? method).length > longestName) return
    this.#calm.set(keyOf({ era, method, name }), true)
    this.#open(era)
  }

  /** Notes what a server is used for beyond answering; `shared` is what it answers many requests for. */
  watch(server: AnyMcpServer, shared?: Shared): void {
    if (this.#isOver) return
    const protocol = protocolOf(server)
    const watched: Watched = { isShared: shared !== undefined, isOver: false, look: () => {} }
    const noticed = (what: string) => this.end(what)
    const mixed = (what: string) => {
      if (watched.isOver || shared?.isClosing) return
      watched.isOver = true
      noticed(what)
      shared?.failRunning(mixedUp)
    }
    const isWatched = [
      ...changing.map((name) => watchMethod(server, name, noticed)),
      ...changingProtocol.map((name) => watchMethod(protocol, name, noticed)),
      // Without a session nobody is told of a client of the earlier revisions.
      ...telling.map((name) => watchMethod(protocol, name, shared?.era === 'legacy' ? noticed : mixed)),
    ].every(Boolean)
    if (!isWatched) return noticed('its server cannot be watched')
    watched.look = noticeChanges(server, () => mixed('a tool writes to a field of its server'))
    this.#watched.set(server, watched)
  }

  /** A factory that gives one server again and again means what it does. */
  noteMade(server: AnyMcpServer): void {
    if (this.#made.has(server)) this.end('the factory gives one server again')
    this.#made.add(server)
  }

  /** A context for the factory that notes whether it is looked at, also where nobody calls yet. */
  watchContext({ era, authInfo, requestInfo }: FactoryContext, reader: Reader | undefined): FactoryContext {
    const seen = <Value>(value: Value) => ({
      get: () => {
        this.end('the factory looks at what it is told of the request')
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
  end(reason: string): void {
    if (!this.#isOver) this.#options.onEnd(reason)
    this.#stop()
  }

  #stop(): void {
    this.#isOver = true
    this.#calm.clear()
    this.renew()
  }

  async close(): Promise<void> {
    const open = [...this.#shared.values()]
    this.#stop()
    await Promise.all(open.map((shared) => shared.close()))
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
    if (era === 'modern' && !isOfThisSdk(server)) this.end('its SDK does not speak 2026-07-28')
    if (this.#version !== version) return closeServer(server)
    if (era === 'modern') await bindToNewest(server as McpServer)
    const watch = (one: AnyMcpServer) => this.watch(one, shared)
    const options = { ...this.#options, conversation: { ...this.#options.conversation, watch } }
    const shared: Shared = new Shared(era, server, options, () =>
      this.end('a tool changes its server, or closes it'),
    )
    await shared.connect()
    if (this.#version !== version) return shared.close()
    reader.tooLate = () => shared.failRunning(mixedUp)
    this.#shared.get(era)?.endAfterAnswers()
    this.#shared.set(era, shared)
  }
}

/** Several clients have calls there, and none of them is the one that is asked about. */
const mixedUp =
  'This server could not tell its callers apart. The call may have run: look before it is sent again'

/** Gives false where that cannot be done. */
function watchMethod(of: object, name: string, onCall: (what: string) => void): boolean {
  const method: unknown = Reflect.get(of, name)
  if (typeof method !== 'function') return true
  return Reflect.set(of, name, (...given: unknown[]) => {
    onCall(`a tool calls ${name} of its server`)
    return Reflect.apply(method, of, given)
  })
}

/** Methods by which a server is changed. */
const changing = ['registerTool', 'registerPrompt', 'registerResource', 'tool', 'prompt', 'resource']
/** Those of its part that speaks the protocol. */
const changingProtocol = [
  'setRequestHandler',
  'removeRequestHandler',
  'setNotificationHandler',
  'removeNotificationHandler',
  'registerCapabilities',
]
/** Those that tell of the client. */
const telling = ['getClientCapabilities', 'getClientVersion', 'getNegotiatedProtocolVersion']

/** All resources are one kind: their URIs have no bound. */
function keyOf({ era, method, name }: Pick<PlainRequest, 'era' | 'method' | 'name'>): string {
  return method === 'resources/read' ? `${era} ${method}` : `${era} ${method} ${name ?? ''}`
}
