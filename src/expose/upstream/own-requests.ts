import type { JSONRPCNotification } from '@modelcontextprotocol/server'
import { identityHeaders } from './headers.js'
import type { OwnedSession } from './owners.js'
import type { Pools } from './pool.js'

/** Milliseconds for one. */
const timeout = 5000

/** Requests that no client has sent, in the name of a session's owner. Whatever comes of them: the server behind may have gone. */
export class OwnRequests {
  readonly #pools: Pools
  readonly #path: string

  constructor(pools: Pools, path: string) {
    this.#pools = pools
    this.#path = path
  }

  /** Ends a session of the server behind, which would keep it for long. */
  endSession(session: OwnedSession): void {
    void this.#send(session, { method: 'DELETE', headers: {} })
  }

  notify(session: OwnedSession, notification: JSONRPCNotification): void {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    void this.#send(session, { method: 'POST', headers, body: JSON.stringify(notification) })
  }

  async #send(
    { id, owner, told, protocolVersion }: OwnedSession,
    request: { readonly method: 'DELETE' | 'POST'; readonly headers: object; readonly body?: string },
  ): Promise<void> {
    const headers = {
      ...request.headers,
      'mcp-session-id': id,
      ...(protocolVersion !== undefined && { 'mcp-protocol-version': protocolVersion }),
      ...(told && identityHeaders(told)),
    }
    try {
      const signal = AbortSignal.timeout(timeout)
      const pool = this.#pools.of(owner)
      const { body } = await pool.request({ ...request, path: this.#path, headers, signal })
      await body.dump()
    } catch {}
  }
}
