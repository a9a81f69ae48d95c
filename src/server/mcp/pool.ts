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
  /** Told why each request has a server of its own from now on. */
  readonly onEnd: (reason: string) => void
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

  /** Notes what a server is used for beyond answering. `onAsked`: it is asked about its client. */
  watch(server: AnyMcpServer, onAsked: () => void = () => {}): void {
    if (this.#isOver) return
    const protocol = protocolOf(server)
    const noticed = (what: string) => this.end(what)
    for (const name of changing) watchMethod(server, name, noticed)
    for (const name of changingProtocol) watchMethod(protocol, name, noticed)
    for (const name of telling)
      watchMethod(protocol, name, (what) => {
        noticed(what)
        onAsked()
      })
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
    const fail = () => shared.failRunning(askedTooLate)
    const watch = (one: AnyMcpServer) => this.watch(one, fail)
    const options = { ...this.#options, conversation: { ...this.#options.conversation, watch } }
    const shared = new Shared(era, server, options, () => this.end('a tool changes its server, or closes it'))
    await shared.connect()
    if (this.#version !== version) return shared.close()
    reader.tooLate = fail
    this.#shared.get(era)?.endAfterAnswers()
    this.#shared.set(era, shared)
  }
}

/** Several clients have calls there, and none of them is the one that is asked about. */
const askedTooLate = 'This server could not tell its callers apart: send the request again'

function watchMethod(of: object, name: string, onCall: (what: string) => void): void {
  const methods = of as Record<string, unknown>
  const method = methods[name]
  if (typeof method !== 'function') return
  methods[name] = (...given: unknown[]) => {
    onCall(`a tool calls ${name} of its server`)
    return Reflect.apply(method, of, given)
  }
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
