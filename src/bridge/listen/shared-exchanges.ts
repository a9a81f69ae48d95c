import {
  type JSONRPCErrorResponse,
  type JSONRPCNotification,
  type RequestId,
  type Transport,
  UnsupportedProtocolVersionError,
} from '@modelcontextprotocol/server'
import { End } from '../../relay/end.js'
import { modernRevision } from '../../relay/exchanges.js'
import { Fault, faultAnswer } from '../../relay/fault.js'
import { earlierVersions } from '../../server/ops/health.js'
import type { Joined, JoinOptions } from '../bridge.js'
import type { FarServer } from '../far-server.js'
import { joinClient } from '../join.js'
import { linkedPair } from '../linked-pair.js'

/** Requests without an answer, of all clients together. */
const inFlightAtMost = 1000

/**
 * Requests of 2026-07-28 of many clients, which the servers get as those of one: none of them needs another. Where a server has only
 * sessions, what clients said in one would be there for all of them; so they are told to open sessions of their own.
 */
export class SharedExchanges {
  readonly #joined: Joined
  readonly #end: End
  readonly #nears = new Set<End>()
  #isWithSessions = false

  static async open(
    servers: readonly [FarServer, ...FarServer[]],
    options: JoinOptions,
  ): Promise<SharedExchanges> {
    const [near, far] = linkedPair()
    const joined = await joinClient(near, servers, {
      ...options,
      onOnlySessions: () => {
        shared.#isWithSessions = true
      },
    })
    const end = await End.open(far, {
      name: 'the bridge',
      maxInFlight: inFlightAtMost,
      // The revision has no requests of servers.
      onRequest: ({ request, answer }) =>
        answer(faultAnswer(request.id, new Fault('no client can be asked', 'no'))),
      onNotification: (notification) => shared.#toldByFar(notification),
      onClose: () => {},
    })
    const shared = new SharedExchanges(joined, end)
    await joined.start()
    return shared
  }

  private constructor(joined: Joined, end: End) {
    this.#joined = joined
    this.#end = end
  }

  /** Takes one exchange, which ends with its transport. */
  async join(transport: Transport): Promise<void> {
    const end = await End.open(transport, {
      name: 'the client',
      maxInFlight: inFlightAtMost,
      onRequest: (asked) => {
        const { id, method } = asked.request
        asked.onGivenUp = this.#end.ask(asked.request, {
          // Known by now: the question went to each server.
          answered: (answer) =>
            asked.answer(method === 'server/discover' && this.#isWithSessions ? onlySessions(id) : answer),
          told: (notification) => asked.tell(notification),
        })
      },
      onNotification: (notification) => this.#end.tell(notification),
      onClose: () => void this.#nears.delete(end),
    })
    this.#nears.add(end)
  }

  async close(): Promise<void> {
    await Promise.all([this.#joined.close(), ...[...this.#nears].map((end) => end.close())])
  }

  /** What is logged belongs to the call that runs alone; of several nobody knows. */
  #toldByFar(notification: JSONRPCNotification): void {
    const [asked, ...others] = [...this.#nears].flatMap((end) => [...end.asked])
    if (others.length === 0) asked?.tell(notification)
  }
}

/** What makes clients fall back to an older revision (2026-07-28, "Versioning"). */
function onlySessions(id: RequestId): JSONRPCErrorResponse {
  const { code, message, data } = new UnsupportedProtocolVersionError(
    { supported: [...earlierVersions], requested: modernRevision },
    'a server behind this bridge has only sessions: open one, with initialize',
  )
  return { jsonrpc: '2.0', id, error: { code, message, data } }
}
