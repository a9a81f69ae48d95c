import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  createMcpHandler,
  type McpServer,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'
import { protocolOf } from './any-server.js'
import { modernRevision } from './plain-request.js'

/** Lets the SDK answer one request by this server: which revision it speaks is set by that alone. */
export async function bindToNewest(server: McpServer): Promise<void> {
  const protocol = protocolOf(server) as { onclose?: unknown }
  const { onclose } = protocol
  protocol.onclose = undefined // it has served nobody
  const method = 'server/discover'
  const _meta = {
    [PROTOCOL_VERSION_META_KEY]: modernRevision,
    [CLIENT_INFO_META_KEY]: { name: 'nobody', version: '0' },
    [CLIENT_CAPABILITIES_META_KEY]: {},
  }
  const request = new Request('http://localhost/', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': modernRevision,
      'mcp-method': method,
    },
  })
  const parsedBody = { jsonrpc: '2.0', id: 0, method, params: { _meta } }
  const answer = await createMcpHandler(() => server, { legacy: 'reject' }).fetch(request, { parsedBody })
  await answer.text()
  await server.close()
  protocol.onclose = onclose
}
