import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createMcpHandler, type McpServerFactory } from '@modelcontextprotocol/server'
import type { Caller } from '../../src/server/identity-of.js'
import { authInfoFor } from '../../src/server/identity-of.js'

/** The SDK's own client, which validates every answer against the tool's schema, before a factory's server. */
export async function clientOf(
  factory: McpServerFactory,
  options: { caller?: Caller; era?: 'legacy' | 'auto' } = {},
): Promise<Client> {
  const handler = createMcpHandler(factory, { legacy: 'stateless' })
  const authInfo = options.caller && authInfoFor(options.caller)
  const client = new Client(
    { name: 'test', version: '0' },
    { versionNegotiation: { mode: options.era ?? 'auto' } },
  )
  await client.connect(
    new StreamableHTTPClientTransport(new URL('http://localhost/mcp'), {
      fetch: (url, init) => handler.fetch(new Request(url, init), authInfo ? { authInfo } : {}),
    }),
  )
  return client
}

export interface ToolOutcome {
  readonly data: Record<string, unknown>
  readonly sentence: string
  readonly failed: boolean
}

export async function call(
  client: Client,
  name: string,
  args: Record<string, unknown>,
): Promise<ToolOutcome> {
  const result = await client.callTool({ name, arguments: args })
  const [first] = result.content
  return {
    data: (result.structuredContent ?? {}) as Record<string, unknown>,
    sentence: first?.type === 'text' ? first.text : '',
    failed: result.isError === true,
  }
}
