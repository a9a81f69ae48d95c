import { Agent } from 'undici'
import { Connector, type ConnectorOptions } from './connector.js'

/** The connections made with one version of our material. A request that began here ends here. */
export class Generation {
  readonly connector: Connector
  readonly #agent: Agent
  #requests = 0
  #retired: (() => void) | undefined

  constructor(options: ConnectorOptions, connections: number) {
    this.connector = new Connector(options)
    this.#agent = new Agent({
      connect: this.connector.connect,
      connections,
      bodyTimeout: 0,
      headersTimeout: 0,
      // undici's own idle limit is 4 s; the server tells a longer one in its Keep-Alive header.
      keepAliveTimeout: 30_000,
    })
  }

  /** With a request on them now. */
  get running(): number {
    return Object.values(this.#agent.stats).reduce((sum, stats) => sum + stats.running, 0)
  }

  async run<Result>(act: (agent: Agent) => Promise<Result>): Promise<Result> {
    this.#requests++
    try {
      return await act(this.#agent)
    } finally {
      this.#requests--
      if (this.#requests === 0) this.#retired?.()
    }
  }

  /** Closes every connection, once the requests that began here and the streams they opened have ended. */
  async retire(): Promise<void> {
    if (this.#requests > 0) await new Promise<void>((resolve) => (this.#retired = resolve))
    if (!this.#agent.closed) await this.#agent.close()
  }
}
