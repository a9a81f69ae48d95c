import type { JSONRPCNotification, JSONRPCResponse } from '@modelcontextprotocol/server'
import { Backoff } from '../../relay/backoff.js'
import type { Asker, GiveUp } from '../../relay/end.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { isObject } from '../../relay/message.js'

type Json = Readonly<Record<string, unknown>>

/** How long a server may take to acknowledge it; milliseconds. */
const longestWait = 30_000

/** A subscription at the server. */
interface Stream {
  readonly uris: ReadonlySet<string>
  giveUp: GiveUp
}

/** What became of a subscription: what the server has promised, or its answer where it has not taken it. */
type Outcome = { readonly uris: ReadonlySet<string> } | { readonly refusal: JSONRPCResponse }

/**
 * What a session hears of by itself: one subscription of 2026-07-28 for all of it. When the set changes, a new one takes its
 * place, and where it ends it is taken up again, ever more slowly.
 */
export class Subscription {
  readonly #listen: (notifications: Json, asker: Asker) => GiveUp
  readonly #tell: (notification: JSONRPCNotification) => void
  /** Kinds of lists that change. */
  readonly #kinds: readonly string[]
  readonly #watched = new Set<string>()
  readonly #backoff = new Backoff()
  #hearsLists = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #current: Stream | undefined
  /** The last one that was asked for, and the next, which is for all who want another meanwhile. */
  #last: Promise<unknown> = Promise.resolve()
  #next: Promise<Outcome> | undefined

  /** `listen` asks the server, `tell` is what the session hears. */
  constructor(
    listen: (notifications: Json, asker: Asker) => GiveUp,
    tell: (notification: JSONRPCNotification) => void,
    kinds: readonly string[],
  ) {
    this.#listen = listen
    this.#tell = tell
    this.#kinds = kinds
  }

  get size(): number {
    return this.#watched.size
  }

  /** Hears of lists from now on. */
  hearLists(): void {
    this.#hearsLists = true
    if (this.#kinds.length > 0) void this.#renew()
  }

  /** Resolves when the server has promised it, with its answer where it has not. */
  async watch(uri: string): Promise<JSONRPCResponse | undefined> {
    this.#watched.add(uri)
    const outcome = await this.#renew()
    if ('uris' in outcome && outcome.uris.has(uri)) return undefined
    this.#watched.delete(uri)
    return 'refusal' in outcome
      ? outcome.refusal
      : faultAnswer(0, new Fault(`the server does not tell of changes of ${uri}`, 'no'))
  }

  unwatch(uri: string): void {
    if (this.#watched.delete(uri)) void this.#renew()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #renew(): Promise<Outcome> {
    this.#next ??= this.#last.then(() => {
      this.#next = undefined
      return this.#open()
    })
    this.#last = this.#next
    return this.#next
  }

  /** The one before is given up once the new one is there. */
  #open(): Promise<Outcome> {
    const before = this.#current
    const uris = new Set(this.#watched)
    const lists = this.#hearsLists ? this.#kinds.map((kind) => [`${kind}ListChanged`, true]) : []
    const notifications = {
      ...Object.fromEntries(lists),
      ...(uris.size > 0 && { resourceSubscriptions: [...uris] }),
    }
    if (Object.keys(notifications).length === 0) {
      this.#current = undefined
      before?.giveUp()
      return Promise.resolve({ uris })
    }
    this.#backoff.started()
    return new Promise((resolve) => {
      const stream: Stream = { uris, giveUp: () => undefined }
      const refused = (refusal: JSONRPCResponse) => {
        clearTimeout(timer)
        resolve({ refusal })
        if (this.#current === stream) this.#current = undefined
        if (!this.#current) this.#again()
      }
      const timer = setTimeout(() => {
        stream.giveUp()
        refused(faultAnswer(0, new Fault('the server has not acknowledged the subscription', 'maybe')))
      }, longestWait).unref()
      const asker: Asker = {
        answered: refused,
        told: (notification) => {
          if (notification.method !== 'notifications/subscriptions/acknowledged')
            return this.#heard(stream, notification)
          clearTimeout(timer)
          this.#current = stream
          before?.giveUp()
          resolve({ uris: promisedIn(notification, uris) })
        },
      }
      stream.giveUp = this.#listen(notifications, asker)
    })
  }

  #heard({ uris }: Stream, notification: JSONRPCNotification): void {
    const { method, params } = notification
    const uri = String(params?.uri)
    const isOver = method === 'notifications/resources/updated' && uris.has(uri) && !this.#watched.has(uri)
    if (!isOver) this.#tell(notification)
  }

  #again(): void {
    if (this.#isClosed) return
    this.#backoff.failed()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#takeUp(), this.#backoff.wait).unref()
  }

  /** What changed meanwhile was not heard: it is told as a change of all. */
  async #takeUp(): Promise<void> {
    if (this.#current) return
    const outcome = await this.#renew()
    if ('refusal' in outcome || this.#isClosed) return
    if (this.#hearsLists)
      for (const kind of this.#kinds)
        this.#tell({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` })
    for (const uri of outcome.uris)
      this.#tell({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })
  }
}

/** What the server acknowledges; all of it where it does not say. */
function promisedIn({ params }: JSONRPCNotification, wanted: ReadonlySet<string>): ReadonlySet<string> {
  const promised = params?.notifications
  if (!isObject(promised)) return wanted
  const { resourceSubscriptions: uris } = promised
  return new Set(Array.isArray(uris) ? [...wanted].filter((uri) => uris.includes(uri)) : [])
}
