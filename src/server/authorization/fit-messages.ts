import type { Call } from '../../auth/call.js'
import { folded } from '../../text/folded.js'
import { type Inbound, refusal } from '../mcp/exchange.js'

/** The notifications of clients, in all revisions. What others do is not known. */
const knownNotifications: ReadonlySet<unknown> = new Set([
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
])

/**
 * The body without the notifications that nobody knows, which a server might take for calls; undefined when nothing is left. A response
 * when some of it cannot be judged: it is no message of JSON-RPC, or its headers say something else, by which somebody behind might go.
 */
export function fitBody({
  body,
  calls,
  request: { headers },
}: Inbound): { readonly body: unknown } | Response {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body]
  const kinds = messages.map(kindOf)
  if (body !== undefined && kinds.includes('none'))
    return refusal(400, -32600, 'Invalid Request: this is no message of JSON-RPC')
  if (messages.some(isMisspelled))
    return refusal(400, -32600, 'Invalid Request: a key of the protocol is written in another case')
  const mismatched = calls.find((call) => !agrees(call, headers))
  if (mismatched) return mismatch(mismatched)
  const { 'mcp-method': told } = headers
  const other = messages.find((message) => told !== undefined && methodOf(message) !== told)
  if (other !== undefined) return mismatch({ id: null, method: methodOf(other) ?? 'none' })
  if (!kinds.includes('unknown')) return { body }
  const known = messages.filter((_, index) => kinds[index] !== 'unknown')
  return known.length === 0 ? new Response(null, { status: 202 }) : { body: known }
}

function kindOf(message: unknown): 'request' | 'notification' | 'unknown' | 'answer' | 'none' {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return 'none'
  const { method, id } = message as { readonly method?: unknown; readonly id?: unknown }
  if (typeof method === 'string') {
    if (typeof id === 'string' || typeof id === 'number') return 'request'
    if ('id' in message) return 'none'
    return knownNotifications.has(method) ? 'notification' : 'unknown'
  }
  return method === undefined && ('result' in message || 'error' in message) ? 'answer' : 'none'
}

const words = new Map(
  [
    ...['jsonrpc', 'id', 'method', 'params', 'result', 'error'],
    ...[
      '_meta',
      'name',
      'uri',
      'arguments',
      'ref',
      'type',
      'argument',
      'notifications',
      'resourceSubscriptions',
    ],
  ].map((word) => [folded(word), word]),
)

/** Whether a server that takes keys in any case (Go) would read another call in it. */
function isMisspelled(message: unknown): boolean {
  const { params } = fieldsOf(message)
  const { ref, notifications } = fieldsOf(params)
  return [message, params, ref, notifications].some((part) =>
    Object.keys(fieldsOf(part)).some((key) => (words.get(folded(key)) ?? key) !== key),
  )
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** What `Mcp-Name` stands for (2026-07-28, "Standard MCP Request Headers"). */
const named: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

function methodOf(message: unknown): string | undefined {
  return (message as { readonly method?: string } | undefined)?.method
}

function agrees({ method, target }: Call, headers: Inbound['request']['headers']): boolean {
  const { 'mcp-method': toldMethod, 'mcp-name': toldName } = headers
  if (toldMethod !== undefined && toldMethod !== method) return false
  if (toldName === undefined || !named.has(method)) return true
  const name = 'name' in target ? target.name : 'uri' in target ? target.uri : undefined
  return name === undefined || decoded(String(toldName)) === name
}

/** A name that a header cannot hold comes as base64. */
function decoded(value: string): string {
  const [, base64] = /^=\?base64\?([\w+/]*={0,2})\?=$/.exec(value) ?? []
  return base64 === undefined ? value : Buffer.from(base64, 'base64').toString()
}

/** As the SDK has it: `HeaderMismatch`. */
function mismatch({ id, method }: { readonly id: Call['id'] | null; readonly method: string }): Response {
  const message = `Bad Request: the headers Mcp-Method and Mcp-Name do not agree with the body, which names ${method}`
  return Response.json({ jsonrpc: '2.0', id, error: { code: -32020, message } }, { status: 400 })
}
