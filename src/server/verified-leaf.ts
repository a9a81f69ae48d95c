import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { identityOf } from './identity-of.js'

/** By connection: a socket makes its certificate anew each time that it is asked. */
const known = new WeakMap<object, Buffer>()

/**
 * The verified client certificate of this request (DER), on resumed connections too. Undefined without TLS, and for what
 * demo mode let pass.
 */
export function verifiedLeaf(request: Pick<IncomingMessage, 'socket'>): Buffer | undefined {
  if (!identityOf(request)?.verified) return undefined
  const { socket } = request
  const leaf = known.get(socket) ?? (socket as TLSSocket).getPeerX509Certificate()?.raw
  if (leaf) known.set(socket, leaf)
  return leaf
}
