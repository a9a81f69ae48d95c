import type { IncomingHttpHeaders } from 'node:http'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'

/** A request of the usual form, which needs no further checks. */
export interface PlainRequest {
  readonly era: 'modern' | 'legacy'
  readonly id: string | number
  readonly method: string
  /** The tool, prompt or URI that it names. */
  readonly name: string | undefined
  readonly protocolVersion: string
}

/** The revision without sessions. */
export const modernRevision = '2026-07-28'

/** For each method the field of `params` that says what is asked for, and the fields beside it. */
const methods: Readonly<
  Record<string, { readonly named?: 'name' | 'uri'; readonly others: readonly string[] }>
> = {
  'tools/call': { named: 'name', others: ['arguments'] },
  'prompts/get': { named: 'name', others: ['arguments'] },
  'resources/read': { named: 'uri', others: [] },
  'tools/list': { others: [] },
  'prompts/list': { others: [] },
  'resources/list': { others: [] },
  'resources/templates/list': { others: [] },
}

const legacyRevisions: ReadonlySet<string> = new Set(SUPPORTED_PROTOCOL_VERSIONS)
const messageFields: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params'])
/** W3C trace context, and what a client wants to be told of. */
const freeMeta: ReadonlySet<string> = new Set(['progressToken', 'traceparent', 'tracestate', 'baggage'])
/** What a header holds as it is. */
const visible = /^[\x21-\x7e]+$/

/**
 * The request in a parsed body, if it is of the usual form; undefined for everything else, right or wrong: the SDK knows
 * all forms, and has the words for wrong ones. Whatever passes here passes all checks of the SDK too.
 */
export function plainRequest(headers: IncomingHttpHeaders, body: unknown): PlainRequest | undefined {
  if (!isJson(headers) || !isObject(body)) return undefined
  for (const field in body) if (!messageFields.has(field)) return undefined
  const { jsonrpc, id, method, params = {} } = body as Record<string, unknown>
  if (jsonrpc !== '2.0' || typeof method !== 'string' || !Object.hasOwn(methods, method)) return undefined
  if (!(typeof id === 'string' ? id.length <= 256 : Number.isSafeInteger(id)) || !isObject(params))
    return undefined
  const form = methods[method]
  if (!form) return undefined
  for (const field in params)
    if (field !== '_meta' && field !== form.named && !form.others.includes(field)) return undefined
  const { _meta: meta, arguments: args } = params as Record<string, unknown>
  if (args !== undefined && !isObject(args)) return undefined
  const name = form.named && (params as Record<string, unknown>)[form.named]
  if (form.named && (typeof name !== 'string' || !visible.test(name) || name.startsWith('=')))
    return undefined
  const known = { id: id as string | number, method, name: name as string | undefined }
  const version = headers['mcp-protocol-version']
  if (version === modernRevision)
    return isModern(headers, meta, known) ? { era: 'modern', ...known, protocolVersion: version } : undefined
  return isLegacy(headers, meta)
    ? { era: 'legacy', ...known, protocolVersion: String(version ?? '2025-03-26') }
    : undefined
}

function isJson({ 'content-type': type, accept, 'mcp-session-id': session }: IncomingHttpHeaders): boolean {
  return (
    session === undefined &&
    type === 'application/json' &&
    /application\/json/.test(accept ?? '') &&
    /text\/event-stream/.test(accept ?? '')
  )
}

/** The headers agree with the body, and the envelope has all it needs. */
function isModern(
  headers: IncomingHttpHeaders,
  meta: unknown,
  { method, name }: Pick<PlainRequest, 'method' | 'name'>,
): boolean {
  if (headers['mcp-method'] !== method || headers['mcp-name'] !== name || !isObject(meta)) return false
  for (const header in headers) if (header.startsWith('mcp-param-')) return false
  const fields = meta as Record<string, unknown>
  for (const field in fields) if (!freeMeta.has(field) && !envelope.has(field)) return false
  return (
    fields[PROTOCOL_VERSION_META_KEY] === modernRevision &&
    isImplementation(fields[CLIENT_INFO_META_KEY]) &&
    isCapabilities(fields[CLIENT_CAPABILITIES_META_KEY]) &&
    areFree(fields)
  )
}

const envelope: ReadonlySet<string> = new Set([
  PROTOCOL_VERSION_META_KEY,
  CLIENT_INFO_META_KEY,
  CLIENT_CAPABILITIES_META_KEY,
])

function isLegacy(headers: IncomingHttpHeaders, meta: unknown): boolean {
  const version = headers['mcp-protocol-version']
  if (version !== undefined && !(typeof version === 'string' && legacyRevisions.has(version))) return false
  if (headers['mcp-method'] !== undefined || headers['mcp-name'] !== undefined) return false
  if (meta === undefined) return true
  if (!isObject(meta)) return false
  for (const field in meta) if (!freeMeta.has(field)) return false
  return areFree(meta as Record<string, unknown>)
}

function areFree({ progressToken, ...others }: Record<string, unknown>): boolean {
  if (
    progressToken !== undefined &&
    typeof progressToken !== 'string' &&
    !Number.isSafeInteger(progressToken)
  )
    return false
  for (const field of freeMeta) if (field in others && typeof others[field] !== 'string') return false
  return true
}

function isImplementation(value: unknown): boolean {
  if (!isObject(value)) return false
  const { name, version, ...others } = value as Record<string, unknown>
  return typeof name === 'string' && typeof version === 'string' && Object.keys(others).length === 0
}

function isCapabilities(value: unknown): boolean {
  if (!isObject(value)) return false
  for (const name in value) {
    if (name !== 'sampling' && name !== 'roots' && name !== 'elicitation') return false
    const capability = (value as Record<string, unknown>)[name]
    if (!isObject(capability) || Object.keys(capability).length > 0) return false
  }
  return true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
