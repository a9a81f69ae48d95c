import { Server, type Transport } from '@modelcontextprotocol/server'
import { packageVersion } from '../../config/package-version.js'
import type { AnyMcpServer } from './any-server.js'

// Servers that are no servers, but lead to one elsewhere.

type Join = (transport: Transport) => Promise<void>

/** Leads a client with a session to what serves it. The SDK takes it for a server of another version, which has no 2026-07-28. */
export class SessionLead implements AnyMcpServer {
  #join: Join | undefined

  constructor(join: Join) {
    this.#join = join
  }

  async connect(transport: Transport): Promise<void> {
    const join = this.#join
    if (!join) throw new Error('it leads one client to what serves it, and no other')
    this.#join = undefined
    await join(transport)
  }
}

/** Leads one exchange of 2026-07-28 to what answers it. The SDK, which has to see a server of its own, speaks to that. */
export class ExchangeLead extends Server {
  /** What a client listens for goes there like everything else. */
  readonly relaysSubscriptions = true
  readonly #join: Join
  #exchange: Transport | undefined

  constructor(join: Join) {
    super({ name: 'lead', version: packageVersion }, { capabilities: {} })
    this.#join = join
  }

  override async connect(transport: Transport): Promise<void> {
    if (this.#exchange) throw new Error('it leads one exchange to what answers it, and no other')
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
