import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  createMcpHandler,
  McpServer,
  PROTOCOL_VERSION_META_KEY,
  Server,
} from '@modelcontextprotocol/server'
import { protocolOf } from './any-server.js'
import { modernRevision } from './plain-request.js'

/**
 * Lets the SDK answer one request by this server: which revision it speaks is set by that alone. The server's own ways to
 * connect and to close see nothing of it: it has served nobody.
 */
export async function bindToNewest(server: McpServer | Server): Promise<void> {
  const protocol = protocolOf(server)
  const hidden = [
    hide(server, server instanceof McpServer ? McpServer.prototype : Server.prototype),
    hide(protocol, Server.prototype),
  ]
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
  for (const show of hidden) show()
}

const ways = ['connect', 'close', 'onclose'] as const

/** Puts the ways of the SDK's class in place of those of the object; gives what puts them back. */
function hide(of: object, sdk: object): () => void {
  const before = ways.map((way) => [way, Object.getOwnPropertyDescriptor(of, way)] as const)
  for (const way of ways)
    Object.defineProperty(of, way, {
      value: Reflect.get(sdk, way),
      writable: true,
      configurable: true,
      enumerable: false,
    })
  return () => {
    for (const [way, own] of before) {
      if (own) Object.defineProperty(of, way, own)
      else Reflect.deleteProperty(of, way)
    }
  }
}
