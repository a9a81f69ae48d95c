import { buildConnector, Pool } from 'undici'
import { endpointOf, waysTo } from '../../config/index.js'
import { NotReached } from './faults.js'

/** Milliseconds: for a connection, and until one that is idle ends; servers keep it for five seconds, and more. */
const connectTimeout = 5000
const keepAlive = 2000

/**
 * Connections to the server behind: to this machine, never through a proxy, and without a limit on how long a call may take.
 * `localhost` is this machine whatever the resolver says.
 */
export function upstreamPool(url: URL): Pool {
  const connect = buildConnector({ timeout: connectTimeout, ...waysTo(endpointOf(url).host) })
  return new Pool(url.origin, {
    connect: (options, callback) =>
      connect(options, (...[error, socket]) =>
        error ? callback(new NotReached(error), null) : callback(null, socket),
      ),
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

/** Identities with connections of their own, at most. */
const poolsAtMost = 1000

/**
 * A pool for each identity: what a server behind writes beside its answers would otherwise be read as the answer to whoever
 * uses the connection next.
 */
export class Pools {
  readonly #url: URL
  readonly #pools = new Map<string | undefined, Pool>()

  constructor(url: URL) {
    this.#url = url
  }

  of(owner: string | undefined): Pool {
    const known = this.#pools.get(owner)
    if (known) return known
    const pool = upstreamPool(this.#url)
    this.#pools.set(owner, pool)
    for (const [oldest, its] of this.#pools) {
      if (this.#pools.size <= poolsAtMost) break
      this.#pools.delete(oldest)
      void its.close() // once its calls are answered
    }
    return pool
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }
}
