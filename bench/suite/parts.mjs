import { authorization } from './authorization.mjs'
import { bridge } from './bridge.mjs'
import { calls } from './calls.mjs'
import { client } from './client.mjs'
import { connections, handshakes } from './connections.mjs'
import { expose } from './expose.mjs'
import { payload, revocation, streams, tools } from './growth.mjs'
import { startUp } from './start-up.mjs'

/** @typedef {{ what: string, rounds: number, measure: (block: import('./measuring.mjs').Block) => Promise<void> }} Part `rounds`: of one block */

/** @type {Readonly<Record<string, Part>>} */
export const parts = {
  calls: {
    what: 'a call over HTTP and over mTLS: bare Node, the stock SDK, ours',
    rounds: 8,
    measure: calls,
  },
  handshakes: { what: 'full and resumed handshakes', rounds: 20, measure: handshakes },
  connections: { what: '0 to 4,000 idle connections', rounds: 3, measure: connections },
  tools: { what: '2 to 1,000 tools', rounds: 8, measure: tools },
  payload: { what: 'answers of 64 B to 1 MiB', rounds: 8, measure: payload },
  revocation: { what: 'a revocation list of 0 to 100,000 entries', rounds: 8, measure: revocation },
  streams: { what: '0 to 500 open streams', rounds: 8, measure: streams },
  client: { what: 'a call of our clients', rounds: 8, measure: client },
  expose: { what: 'what `expose` adds to a direct call', rounds: 8, measure: expose },
  bridge: { what: 'what `bridge` adds to a call, and its first answer', rounds: 8, measure: bridge },
  authorization: {
    what: 'what a policy and a record of calls add to a call',
    rounds: 8,
    measure: authorization,
  },
  'start-up': { what: 'how long commands take', rounds: 4, measure: startUp },
}
