import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server'

class Linked implements Transport {
  onclose?: () => void
  onmessage?: (message: JSONRPCMessage) => void
  peer: Linked | undefined

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    this.peer?.onmessage?.(message)
  }

  async close(): Promise<void> {
    const { peer } = this
    if (!peer) return
    this.peer = undefined
    peer.peer = undefined
    this.onclose?.()
    peer.onclose?.()
  }
}

/** Two ends in this process: what is said at one is heard at the other, at once. Both close together. */
export function linkedPair(): [Transport, Transport] {
  const [one, other] = [new Linked(), new Linked()]
  one.peer = other
  other.peer = one
  return [one, other]
}
