import type {
  JSONRPCErrorResponse,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
} from '@modelcontextprotocol/server'
import { type Asked, metaOf } from '../../relay/end.js'
import { modernRevision } from '../../relay/exchanges.js'
import { isObject } from '../../relay/message.js'
import { metaKeys } from '../../relay/meta-keys.js'

type Json = Readonly<Record<string, unknown>>

// Messages of sessions (2025) as 2026-07-28 has them, and the other way around.

/** URLs that one call may ask to be opened. */
const urlsAtMost = 100
const cacheable = /^(?:tools|prompts|resources|resources\/templates)\/list$|^resources\/read$/

/** What a server says of itself in a session, as `server/discover` answers it. */
export function discovered(
  { id }: JSONRPCRequest,
  { capabilities, serverInfo, instructions }: Json,
): JSONRPCResponse {
  const { tasks: _none, ...rest } = isObject(capabilities) ? capabilities : {}
  return {
    jsonrpc: '2.0',
    id,
    result: {
      resultType: 'complete',
      supportedVersions: [modernRevision],
      capabilities: rest,
      ...(instructions !== undefined && { instructions }),
      ttlMs: 0,
      cacheScope: 'private',
      _meta: ofServer(serverInfo),
    },
  }
}

/** An answer of the older revisions, as the newer one has it. */
export function completed(
  { method }: JSONRPCRequest,
  answer: JSONRPCResponse,
  serverInfo: unknown,
): JSONRPCResponse {
  if (!('result' in answer)) return withCode(answer)
  const { result } = answer
  const caching = cacheable.test(method) ? { ttlMs: 0, cacheScope: 'private' } : {}
  const _meta = { ...metaOf(result), ...ofServer(serverInfo) }
  return { ...answer, result: { ...result, resultType: 'complete', ...caching, _meta } }
}

/** A resource that is not there has another code. */
function withCode(answer: JSONRPCErrorResponse): JSONRPCErrorResponse {
  const { error } = answer
  return error.code === -32_002 ? { ...answer, error: { ...error, code: -32_602 } } : answer
}

/** What an answer of the older revisions wants to be opened before the call is made again, as questions to the client. */
export function urlsIn(answer: JSONRPCResponse): JSONRPCRequest[] {
  if (!('error' in answer) || answer.error.code !== -32_042) return []
  const { data } = answer.error
  const all: unknown = isObject(data) ? data.elicitations : undefined
  const wanted = Array.isArray(all) ? all.slice(0, urlsAtMost) : []
  return wanted.filter(isObject).map(({ url, message, elicitationId }) => ({
    jsonrpc: '2.0',
    id: 0,
    method: 'elicitation/create',
    params: { mode: 'url', elicitationId, url, message },
  }))
}

/** The newer revision says with each answer who gives it. */
function ofServer(info: unknown) {
  return { [metaKeys.serverInfo]: info as { readonly name: string; readonly version: string } }
}

/** A request without what the older revisions say once, in `initialize`. */
export function withoutMeta(request: JSONRPCRequest): JSONRPCRequest {
  const meta = Object.entries(metaOf(request.params) ?? {}).filter(
    ([key]) => !(Object.values(metaKeys) as string[]).includes(key),
  )
  const { _meta: _all, ...params } = request.params ?? {}
  return { ...request, params: { ...params, ...(meta.length > 0 && { _meta: Object.fromEntries(meta) }) } }
}

/** What a question is about; the newer revision tells of the end of no page. */
export function paramsOf({ params }: JSONRPCRequest): { readonly params?: Json } {
  if (!params) return {}
  const { elicitationId: _id, _meta, ...rest } = params
  return { params: rest }
}

/** Progress of a call, for the exchange that it goes on in. */
export function withTokenOf({ request }: Asked, notification: JSONRPCNotification): JSONRPCNotification {
  const token = metaOf(request.params)?.progressToken
  if (notification.method !== 'notifications/progress' || token === undefined) return notification
  return { ...notification, params: { ...notification.params, progressToken: token } }
}

export function invalid(id: RequestId, message: string): JSONRPCResponse {
  return { jsonrpc: '2.0', id, error: { code: -32_602, message } }
}

export function unknownMethod({ id, method }: JSONRPCRequest): JSONRPCResponse {
  return {
    jsonrpc: '2.0',
    id,
    error: { code: -32_601, message: `revision ${modernRevision} has no ${method}` },
  }
}
