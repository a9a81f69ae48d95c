import type { JSONRPCNotification, JSONRPCResponse } from '@modelcontextprotocol/server'
import { type Asked, withMeta } from '../../relay/end.js'
import { isFault } from '../../relay/fault.js'
import { isObject } from '../../relay/message.js'
import { metaKeys } from '../../relay/meta-keys.js'
import { invalid } from './modern-shapes.js'

type Json = Readonly<Record<string, unknown>>

interface Filter {
  readonly toggles: Readonly<Record<string, true>>
  readonly uris: ReadonlySet<string>
}

/** Lists that change: how a subscription names them, and whose capability it is. */
const changes: Readonly<Record<string, readonly [toggle: string, kind: string]>> = {
  'notifications/tools/list_changed': ['toolsListChanged', 'tools'],
  'notifications/prompts/list_changed': ['promptsListChanged', 'prompts'],
  'notifications/resources/list_changed': ['resourcesListChanged', 'resources'],
}

/** Subscriptions of 2026-07-28, of a session: it hears of lists anyway, and of resources that it has named. */
export class Listens {
  /** Asks the server. */
  readonly #request: (method: string, params: Record<string, unknown>) => Promise<JSONRPCResponse>
  readonly #taken = new Map<Asked, Filter>()
  /** By URI: how many subscriptions name it, and what the server has said of it. */
  readonly #watched = new Map<string, { count: number; readonly answer: Promise<JSONRPCResponse> }>()

  constructor(request: (method: string, params: Record<string, unknown>) => Promise<JSONRPCResponse>) {
    this.#request = request
  }

  get size(): number {
    return this.#taken.size
  }

  /** Promises what the server can hold; lasts until it is given up. */
  async take(asked: Asked, capabilities: Json): Promise<void> {
    const { request } = asked
    const wanted = filterIn(request.params?.notifications, capabilities)
    if (!wanted) return asked.answer(invalid(request.id, 'notifications has to say what is subscribed to'))
    const uris = new Set<string>()
    let isGivenUp = false
    const leave = () => {
      isGivenUp = true
      this.#taken.delete(asked)
      for (const uri of uris) this.#leave(uri)
      uris.clear()
    }
    asked.onGivenUp = leave
    for (const uri of wanted.uris) {
      uris.add(uri)
      const answer = await this.#watch(uri)
      if (isGivenUp) return
      if ('result' in answer) continue
      if (isFault(answer)) {
        leave()
        return asked.answer({ ...answer, id: request.id })
      }
      uris.delete(uri)
      this.#leave(uri)
    }
    const { toggles } = wanted
    this.#taken.set(asked, { toggles, uris })
    const notifications = { ...toggles, ...(uris.size > 0 && { resourceSubscriptions: [...uris] }) }
    const method = 'notifications/subscriptions/acknowledged'
    this.#tell(asked, { jsonrpc: '2.0', method, params: { notifications } })
  }

  /** Passes on what the server has said, to whoever has subscribed to it. */
  told(notification: JSONRPCNotification): void {
    const { method, params } = notification
    const [toggle] = changes[method] ?? []
    const isUpdate = method === 'notifications/resources/updated'
    for (const [asked, { toggles, uris }] of this.#taken)
      if (isUpdate ? uris.has(String(params?.uri)) : toggle !== undefined && toggles[toggle])
        this.#tell(asked, notification)
  }

  #tell(asked: Asked, notification: JSONRPCNotification): void {
    asked.tell(withMeta(notification, { [metaKeys.subscriptionId]: asked.request.id }))
  }

  #watch(uri: string): Promise<JSONRPCResponse> {
    const watched = this.#watched.get(uri) ?? {
      count: 0,
      answer: this.#request('resources/subscribe', { uri }),
    }
    watched.count++
    this.#watched.set(uri, watched)
    return watched.answer
  }

  #leave(uri: string): void {
    const watched = this.#watched.get(uri)
    if (!watched || --watched.count > 0) return
    this.#watched.delete(uri)
    void watched.answer.then((answer) => {
      // Unless it was taken again meanwhile.
      if ('result' in answer && !this.#watched.has(uri)) void this.#request('resources/unsubscribe', { uri })
    })
  }
}

/** What of it a server with these capabilities tells of; undefined where it is none. */
function filterIn(notifications: unknown, capabilities: Json): Filter | undefined {
  if (!isObject(notifications)) return undefined
  const { resourceSubscriptions: uris = [] } = notifications
  if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === 'string')) return undefined
  const has = (kind: string, what: string) =>
    isObject(capabilities[kind]) && capabilities[kind][what] === true
  const toggles = Object.values(changes).filter(
    ([toggle, kind]) => notifications[toggle] === true && has(kind, 'listChanged'),
  )
  return {
    toggles: Object.fromEntries(toggles.map(([toggle]) => [toggle, true] as const)),
    uris: new Set(has('resources', 'subscribe') ? uris : []),
  }
}
