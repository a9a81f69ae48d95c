import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { MtlsError } from '../errors.js'

type Listener = (socket: Socket) => void

/**
 * Removes Node's own listener, which attaches the HTTP parser, and returns it: adding one before it would let it run
 * too.
 */
export function takeParser(server: Server): Listener {
  const [parse, ...others] = server.listeners('connection') as Listener[]
  if (!parse || others.length > 0) {
    throw new MtlsError(
      'TLS_HANDSHAKE_FAILED',
      'this version of Node attaches its HTTP parser in an unknown way',
      { hint: `Use a supported version of Node instead of ${process.version}.` },
    )
  }
  server.removeListener('connection', parse)
  return parse
}
