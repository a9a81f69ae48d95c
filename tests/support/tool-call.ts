import { mcpHeaders } from './wire.js'

/** The protocol's kinds of revision: 2026-07-28, and 2025-11-25 without a session. */
export const eras = ['modern', 'legacy'] as const
export type Era = (typeof eras)[number]

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** A call of a tool, as a request of HTTP. `meta` goes beside what the revision wants there. */
export function toolCall(name: string, era: Era, meta: object = {}, { args = {}, id = 1 } = {}) {
  const isModern = era === 'modern'
  const headers: Record<string, string> = {
    ...mcpHeaders,
    'mcp-protocol-version': isModern ? '2026-07-28' : '2025-11-25',
    ...(isModern && { 'mcp-method': 'tools/call', 'mcp-name': name }),
  }
  const params = { name, arguments: args, _meta: { ...(isModern && envelope), ...meta } }
  return { headers, body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }) }
}
