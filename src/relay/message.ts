import type { JSONRPCMessage } from '@modelcontextprotocol/server'

/** Whether a value is a message of JSON-RPC, as far as a relay looks at it: the rest is between client and server. */
export function isMessage(value: unknown): value is JSONRPCMessage {
  if (!isObject(value) || value.jsonrpc !== '2.0') return false
  const { id, method, params } = value
  if (method === undefined) return isId(id) && isAnswer(value)
  return typeof method === 'string' && (id === undefined || isId(id)) && typeof (params ?? {}) === 'object'
}

export function isId(id: unknown): id is string | number {
  return typeof id === 'string' || typeof id === 'number'
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAnswer({ result, error }: { readonly result?: unknown; readonly error?: unknown }): boolean {
  if (error === undefined) return isObject(result)
  if (result !== undefined || !isObject(error)) return false
  const { code, message } = error
  return Number.isInteger(code) && typeof message === 'string'
}
