import { Server, type Transport } from '@modelcontextprotocol/server'
import { packageVersion } from '../../config/package-version.js'
import { callerFacts } from '../../server/caller-facts.js'
import { callerIn } from '../../server/identity-of.js'
import type { AnyMcpServer, AnyServerFactory } from '../../server/mcp/any-server.js'
import type { Instances } from './instances.js'

/** Makes servers that are no servers, but lead to a child: one for each session, or for each request of 2026-07-28. */
export function exposedServers(instances: Instances): AnyServerFactory {
  return async ({ era, authInfo }) => {
    const known = callerIn(authInfo)
    const caller = known && callerFacts(known)
    if (era === 'modern') {
      const exchanges = await instances.exchanges(caller)
      if (exchanges)
        return new ExchangeServer((transport) => instances.joinExchange(exchanges, transport, caller))
    }
    return new SessionServer((transport) => instances.joinSession(transport, caller))
  }
}

type Join = (transport: Transport) => Promise<void>

/** Leads a client with a session to its child. The SDK takes it for a server of another version, which has no 2026-07-28. */
class SessionServer implements AnyMcpServer {
  #join: Join | undefined

  constructor(join: Join) {
    this.#join = join
  }

  async connect(transport: Transport): Promise<void> {
    const join = this.#join
    if (!join) throw new Error('it leads one client to its child, and no other')
    this.#join = undefined
    await join(transport)
  }
}

/** Leads one exchange of 2026-07-28 to a child. The SDK, which has to see a server of its own, speaks to the child. */
class ExchangeServer extends Server {
  /** What a client listens for goes to the child like everything else. */
  readonly relaysSubscriptions = true
  readonly #join: Join
  #exchange: Transport | undefined

  constructor(join: Join) {
    super({ name: 'exposed', version: packageVersion }, { capabilities: {} })
    this.#join = join
  }

  override async connect(transport: Transport): Promise<void> {
    if (this.#exchange) throw new Error('it leads one exchange to its child, and no other')
    this.#exchange = transport
    await this.#join(transport)
    const { onclose } = transport
    transport.onclose = () => {
      onclose?.()
      this.onclose?.()
    }
  }

  override async close(): Promise<void> {
    await this.#exchange?.close()
  }
}
