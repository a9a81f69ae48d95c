import type { JSONRPCMessage, Transport, TransportSendOptions } from '@modelcontextprotocol/server'
import { type AnyMcpServer, connectTo, protocolOf } from './any-server.js'

/** Told of a message for which nobody listens any more, and whether it says of which call it is. */
export type TellLate = (method: string, isAddressed: boolean) => void

/** The methods by which servers of the SDK ask their client something, and what they send. */
const asking: Readonly<Record<string, string>> = {
  request: 'a request',
  createMessage: 'sampling/createMessage',
  elicitInput: 'elicitation/create',
  listRoots: 'roots/list',
  ping: 'ping',
}

export const askingMethods: readonly string[] = Object.keys(asking)

/**
 * What a server speaks into after its connection has ended. The SDK would throw "Not connected", and thrown from a timer
 * that ends the process: here a notification goes nowhere, a request fails, and both are told.
 */
export class SaidTooLate implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #tell: TellLate

  /** Takes over a server whose connection has ended. */
  static follow(server: AnyMcpServer, tell: TellLate): void {
    const late = new SaidTooLate(tell)
    following.set(server, late)
    // A server that cannot be connected a second time throws, as it would have without us.
    connectTo(server, late).catch(() => following.delete(server))
    refuseAsking(server, (method) => {
      tell(method, true) // the SDK does not say of which call; here it fails, and harms no other
      return tooLate(method)
    })
  }

  /** Gives the server back, for a factory that hands out the same one again. */
  static release(server: AnyMcpServer): void {
    const late = following.get(server)
    if (!late) return
    following.delete(server)
    const protocol = protocolOf(server) as { onclose?: unknown }
    for (const method of askingMethods) delete (protocol as Record<string, unknown>)[method]
    const { onclose } = protocol
    protocol.onclose = undefined // it was told of the end already
    late.onclose?.()
    protocol.onclose = onclose
  }

  private constructor(tell: TellLate) {
    this.#tell = tell
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (!('method' in message)) return
    this.#tell(message.method, options?.relatedRequestId !== undefined)
    if ('id' in message) this.onmessage?.(failure(message.id, tooLate(message.method)))
  }

  /** Its server was told of the end when its connection ended. */
  async close(): Promise<void> {}
}

const following = new WeakMap<AnyMcpServer, SaidTooLate>()

function tooLate(method: string): string {
  return `${method} comes too late: the call it belongs to has been answered, or its client is gone`
}

/** The answer to a request of a server that reaches nobody. */
export function failure(id: string | number, message: string): JSONRPCMessage {
  const data = { reason: 'no client' }
  harmless(data)
  return { jsonrpc: '2.0', id, error: { code: -32601, message, data } }
}

/**
 * Lets the ways in which a server asks its client fail, with these words. Some of them would refuse before they send, with
 * words about the client: that it cannot do this, or its revision does not have it.
 */
export function refuseAsking(server: AnyMcpServer, words: (method: string) => string): void {
  const protocol = protocolOf(server) as Record<string, unknown>
  for (const [name, method] of Object.entries(asking)) {
    if (typeof protocol[name] !== 'function') continue
    protocol[name] = (request?: { readonly method?: string }) =>
      forgiven(Promise.reject(new Error(words((name === 'request' && request?.method) || method))))
  }
}

/**
 * A server that asks its client and does not wait for the answer is not ended by it: the client may refuse, be silent or
 * go away, and an unhandled rejection would end the process.
 */
export function forgiveForgotten(server: AnyMcpServer): void {
  const protocol = protocolOf(server) as Record<string, unknown>
  for (const name of Object.keys(asking)) {
    const ask = protocol[name]
    if (typeof ask !== 'function') continue
    protocol[name] = (...given: unknown[]) => forgiven(Reflect.apply(ask, protocol, given))
  }
}

function forgiven(answer: unknown): unknown {
  if (answer instanceof Promise)
    answer.catch((reason) => {
      if (typeof reason === 'object' && reason !== null) harmless(reason)
    })
  return answer
}

/** Errors of requests to clients, and the `data` of those that the SDK makes of our answers. */
const harmlessReasons = new WeakSet<object>()

/** What is left unhandled of these is told, and the process goes on; all other rejections end it as before. */
function harmless(reason: object): void {
  harmlessReasons.add(reason)
  if (process.listeners('unhandledRejection').includes(onUnhandledRejection)) return
  process.on('unhandledRejection', onUnhandledRejection)
}

function onUnhandledRejection(reason: unknown): void {
  const { data } = (reason ?? {}) as { data?: unknown }
  if ([reason, data].some((one) => typeof one === 'object' && one !== null && harmlessReasons.has(one)))
    process.emitWarning('a server asked its client something that failed, and nobody waited for the answer')
  // Node does nothing more once there is a listener; others may have been added that decide.
  else if (process.listenerCount('unhandledRejection') === 1) throw reason
}
