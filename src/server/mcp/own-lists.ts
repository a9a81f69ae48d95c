import { McpServer, Server } from '@modelcontextprotocol/server'
import type { AnyMcpServer } from './any-server.js'
import { registered } from './registered.js'

/** How often each server was given a handler for a list. */
const given = new WeakMap<object, Map<string, number>>()

const setRequestHandler = Server.prototype.setRequestHandler as (...args: unknown[]) => unknown
/** The one way to learn whose handler it is: the SDK does not tell. */
Server.prototype.setRequestHandler = function (this: object, ...args: unknown[]) {
  const counts = given.get(this) ?? new Map()
  given.set(this, counts)
  if (typeof args[0] === 'string') counts.set(args[0], (counts.get(args[0]) ?? 0) + 1)
  return setRequestHandler.apply(this, args)
} as typeof Server.prototype.setRequestHandler

/**
 * The lists of this server that the SDK makes by itself, out of what was registered: the same for every caller until something else
 * is registered. A list with a handler of its own may be another each time. The SDK sets its handler with the first
 * tool or prompt, and refuses to when there is one; so there is no other where it was set once.
 */
export function ownLists(server: AnyMcpServer): ReadonlySet<string> {
  const { tools = {}, prompts = {} } = (server instanceof McpServer && registered(server)) || {}
  const counts = server instanceof McpServer ? given.get(server.server) : undefined
  const lists = [
    ['tools/list', tools],
    ['prompts/list', prompts],
  ] as const
  return new Set(
    lists
      .filter(([method, registry]) => Object.keys(registry).length > 0 && counts?.get(method) === 1)
      .map(([method]) => method),
  )
}
