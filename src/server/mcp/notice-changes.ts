import { McpServer } from '@modelcontextprotocol/server'
import { type AnyMcpServer, protocolOf } from './any-server.js'
import { registered } from './registered.js'
import { askingMethods } from './said-too-late.js'

type Fields = Record<string, unknown>

/**
 * Notices when somebody writes to a server that is in use: what one caller leaves there, the next one would find. A field
 * that is new is noticed by the function that this gives.
 */
export function noticeChanges(server: AnyMcpServer, onChange: () => void): () => void {
  const objects = [server, protocolOf(server)] as Fields[]
  for (const of of objects) noticeWrites(of, (name) => !ofTheSdk.has(name), onChange)
  const count = () => objects.reduce((sum, of) => sum + Object.keys(of).length, 0)
  const before = count()
  return () => {
    if (count() !== before) onChange()
  }
}

/** The same for its tools, prompts and resources. */
export function noticeRegistered(server: AnyMcpServer, onChange: () => void): void {
  for (const registry of Object.values(registered(server) ?? {}))
    for (const one of Object.values(registry)) noticeWrites(one, () => true, onChange)
}

function noticeWrites(of: Fields, isMeant: (name: string) => boolean, onChange: () => void): void {
  for (const [name, { value, writable, configurable }] of Object.entries(
    Object.getOwnPropertyDescriptors(of),
  )) {
    if (!writable || !configurable || !isMeant(name)) continue
    let current: unknown = value
    Object.defineProperty(of, name, {
      get: () => current,
      set: (next) => {
        if (next !== current) onChange()
        current = next
      },
      enumerable: true,
      configurable: true,
    })
  }
}

/** What the SDK writes while it answers, and what we put in place for what comes too late. */
const ofTheSdk: ReadonlySet<string> = (() => {
  const one = new McpServer({ name: '', version: '' })
  const own = [...Object.keys(one), ...Object.keys(one.server)].filter((name) => name.startsWith('_'))
  return new Set([...own, 'onclose', ...askingMethods])
})()
