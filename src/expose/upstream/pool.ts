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
