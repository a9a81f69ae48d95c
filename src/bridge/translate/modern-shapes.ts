import type {
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
  if (!('result' in answer)) return answer
  const { result } = answer
  const caching = cacheable.test(method) ? { ttlMs: 0, cacheScope: 'private' } : {}
  const _meta = { ...metaOf(result), ...ofServer(serverInfo) }
  return { ...answer, result: { ...result, resultType: 'complete', ...caching, _meta } }
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
