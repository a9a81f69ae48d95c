import { setTimeout as delay } from 'node:timers/promises'
import type { JSONRPCNotification, JSONRPCRequest, JSONRPCResponse } from '@modelcontextprotocol/server'
import { type Asked, withMeta } from '../../relay/end.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { isObject } from '../../relay/message.js'
import { metaKeys } from '../../relay/meta-keys.js'
import type { Part } from './part.js'

// Subscriptions of 2026-07-28: one of the client, and one at each server.

interface Filter {
  readonly toolsListChanged?: boolean
  readonly promptsListChanged?: boolean
  readonly resourcesListChanged?: boolean
  readonly resourceSubscriptions?: readonly string[]
}

const acknowledged = 'notifications/subscriptions/acknowledged'
/** So long a server may take to accept it before the others go on without it; milliseconds. */
const longestWait = 5000
/** News before the subscription is accepted: of a server that floods, the rest is lost. */
const earlyAtMost = 1000
/** Between tries to subscribe again at a server that has ended it; milliseconds. */
const firstDelay = 500
const longestDelay = 30_000

const changes: Readonly<Record<string, 'toolsListChanged' | 'promptsListChanged' | 'resourcesListChanged'>> =
  {
    'notifications/tools/list_changed': 'toolsListChanged',
    'notifications/prompts/list_changed': 'promptsListChanged',
    'notifications/resources/list_changed': 'resourcesListChanged',
  }

/** Answers when no server takes the subscription; else it holds until it is given up. */
export async function listen(
  parts: readonly Part[],
  asked: Asked,
  ownerOf: (uri: string) => Promise<Part | undefined>,
  givenUp: AbortSignal,
): Promise<JSONRPCResponse> {
  const { request } = asked
  const wanted = (isObject(request.params?.notifications) ? request.params.notifications : {}) as Filter
  const { resourceSubscriptions: watched = [], ...toggles } = wanted
  const owners = new Map<string, Part | undefined>()
  for (const uri of watched) owners.set(uri, (await ownerOf(uri)) ?? parts[0])
  const ended = new AbortController()
  const signal = AbortSignal.any([givenUp, ended.signal])
  const honored: Filter[] = []
  const early: JSONRPCNotification[] = []
  let tell = (notification: JSONRPCNotification): void => {
    if (early.length < earlyAtMost) early.push(notification)
  }

  const subscribe = (part: Part, onTaken: () => void): Promise<JSONRPCResponse> => {
    const own = watched.filter((uri) => owners.get(uri) === part)
    const notifications = { ...toggles, ...(own.length > 0 && { resourceSubscriptions: own }) }
    const told = (notification: JSONRPCNotification) => {
      if (notification.method !== acknowledged) return tell(notification)
      if (isObject(notification.params?.notifications))
        honored.push(notification.params.notifications as Filter)
      onTaken()
    }
    return part.ask({ ...request, params: { ...request.params, notifications } }, { signal, told })
  }

  /** Resolves once it was taken, with an answer where it was not. */
  const taken = (part: Part, onEnd: () => void): Promise<JSONRPCResponse | undefined> =>
    new Promise((resolve) => {
      void subscribe(part, () => resolve(undefined)).then((answer) => {
        resolve(answer)
        onEnd()
      })
    })

  /** Again and again, with growing delays, at a server that has ended it or is away. */
  const keep = async (part: Part, wait = firstDelay): Promise<void> => {
    await delay(wait, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    let isTaken = false
    const answer = await taken(
      part,
      () => void keep(part, isTaken ? firstDelay : Math.min(wait * 2, longestDelay)),
    )
    isTaken = answer === undefined
    // What changed meanwhile was not heard.
    if (isTaken) for (const method of changesIn(toggles)) tell(ofSubscription(request, method))
  }

  const late = delay(longestWait, undefined, { signal, ref: false }).catch(() => {})
  const answers = await Promise.all(
    parts.map((part) => Promise.race([taken(part, () => void keep(part)), late])),
  )
  const refusals = answers.filter((answer) => answer !== undefined)
  if (refusals.length === parts.length) {
    ended.abort()
    return refusals[0] ?? faultAnswer(request.id, new Fault('there is no server', 'no'))
  }
  asked.tell(ofSubscription(request, acknowledged, { notifications: joined(honored) }))
  for (const notification of early) asked.tell(notification)
  tell = (notification) => asked.tell(notification)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  return faultAnswer(request.id, new Fault('the subscription was given up', 'no'))
}

function ofSubscription({ id }: JSONRPCRequest, method: string, params: object = {}): JSONRPCNotification {
  return withMeta({ jsonrpc: '2.0', method, params: { ...params } }, { [metaKeys.subscriptionId]: id })
}

function changesIn(toggles: Filter): string[] {
  return Object.entries(changes).flatMap(([method, toggle]) => (toggles[toggle] === true ? [method] : []))
}

/** What at least one server has promised. */
function joined(all: readonly Filter[]): Filter {
  const toggles = Object.values(changes).filter((toggle) => all.some((one) => one[toggle] === true))
  const uris = all.flatMap(({ resourceSubscriptions = [] }) => resourceSubscriptions)
  return {
    ...Object.fromEntries(toggles.map((toggle) => [toggle, true])),
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
  }
}
