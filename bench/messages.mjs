// What is sent to servers of MCP, in both kinds of revision.
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'

/** @typedef {'2026-07-28' | 'legacy'} Era `legacy`: 2025-11-25 without a session */
/** @typedef {{ headers: Record<string, string>, body: string }} Message */

/** @type {readonly Era[]} */
export const eras = ['2026-07-28', 'legacy']

const meta = {
  [PROTOCOL_VERSION_META_KEY]: '2026-07-28',
  [CLIENT_INFO_META_KEY]: { name: 'bench', version: '1.0.0' },
  [CLIENT_CAPABILITIES_META_KEY]: {},
}

/** @param {Era} era @param {string} method @param {Record<string, unknown>} params @returns {Message} */
export function message(era, method, params) {
  const isModern = era === '2026-07-28'
  return {
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': isModern ? era : '2025-11-25',
      ...(isModern && { 'mcp-method': method }),
      ...(isModern && typeof params.name === 'string' && { 'mcp-name': params.name }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: isModern ? { ...params, _meta: meta } : params,
    }),
  }
}

/** A call of `echo` with 64 characters. @param {Era} [era] */
export const echoCall = (era = '2026-07-28') =>
  message(era, 'tools/call', { name: 'echo', arguments: { text: 'x'.repeat(64) } })

export const initialize = message('legacy', 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1.0.0' },
})

let last = 1
/** The same with an id of its own. @param {Message} message @returns {Message} */
export const renumbered = ({ headers, body }) => ({ headers, body: body.replace('"id":1', `"id":${++last}`) })
