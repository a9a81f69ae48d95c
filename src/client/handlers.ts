import type {
  Client,
  ClientCapabilities,
  ClientContext,
  HandlerResultTypeMap,
  NotificationTypeMap,
  RequestTypeMap,
} from '@modelcontextprotocol/client'
import type { AskedMethod, ToldMethod } from '../config/index.js'

/**
 * What answers a server's questions and hears what it tells, by method; there before the server can ask anything. A question
 * that has a handler is declared as a capability. What is not set here can be set later, as with the SDK's client.
 */
export type Handlers = {
  readonly [Method in AskedMethod]?:
    | ((
        request: RequestTypeMap[Method],
        context: ClientContext,
      ) => HandlerResultTypeMap[Method] | Promise<HandlerResultTypeMap[Method]>)
    | undefined
} & {
  readonly [Method in ToldMethod]?:
    | ((notification: NotificationTypeMap[Method]) => void | Promise<void>)
    | undefined
}

const capabilityOf = {
  'elicitation/create': { elicitation: { form: {} } },
  'sampling/createMessage': { sampling: {} },
  'roots/list': { roots: {} },
} as const satisfies Readonly<Record<AskedMethod, ClientCapabilities>>

/** What is declared so that a server asks, beside what the program declares itself, which counts more. */
export function capabilitiesOf(handlers: Handlers, declared: ClientCapabilities = {}): ClientCapabilities {
  const asked = Object.entries(capabilityOf).filter(([method]) => handlers[method as AskedMethod])
  return Object.assign({}, ...asked.map(([, capability]) => capability), declared)
}

export function setHandlers(client: Client, handlers: Handlers): void {
  for (const [method, handler] of Object.entries(handlers)) {
    if (handler === undefined) continue
    // The types say which belong together; of the pairs of a record TypeScript does not know it.
    if (Object.hasOwn(capabilityOf, method)) client.setRequestHandler(method as AskedMethod, handler as never)
    else client.setNotificationHandler(method as ToldMethod, handler as never)
  }
}
