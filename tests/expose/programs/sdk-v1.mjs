// The same tools by SDK v1.
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResultSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { answers, cancelled, capabilities, info, overhead, received, toolOf } from './tools.mjs'

const schemas = [
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
]

/** A server of these tools for one session; `headers` gives those of the request that is answered. */
export function makeServerV1(seen, headers) {
  const server = new Server(info, { capabilities, instructions: 'A fixture' })
  for (const schema of schemas)
    server.setRequestHandler(schema, ({ method, params = {} }) => {
      received(seen, method)
      return answers[method](params, seen)
    })
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    received(seen, 'tools/call')
    extra.signal.addEventListener('abort', () => cancelled(seen, String(extra.signal.reason)))
    return toolOf(params).run(params.arguments ?? {}, {
      seen,
      meta: extra._meta,
      headers: headers(),
      signal: extra.signal,
      notify: (method, params, isApart) =>
        isApart ? server.notification({ method, params }) : extra.sendNotification({ method, params }),
      ask: (method, params) => extra.sendRequest({ method, ...(params && { params }) }, ResultSchema),
      progress: async (progress, total) => {
        const progressToken = extra._meta?.progressToken
        if (progressToken === undefined) return
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total },
        })
      },
      updated: async (uri) => {
        if (seen.subscriptions.has(uri)) await server.sendResourceUpdated({ uri })
      },
      closeStream: extra.closeSSEStream,
      overhead: overhead(extra.requestId),
    })
  })
  server.oninitialized = () => {
    seen.initialize++
  }
  return server
}
