import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { connect } from '../../src/client/index.js'
import type { Connect } from '../../src/coordinator/index.js'
import { serve } from '../../src/server/index.js'

/** A tool as these tests need it. */
export interface FakeTool {
  readonly name: string
  /** The structured result; its `sentence` is the text. A tool that throws answers with an error. */
  readonly answer: (given: Record<string, unknown>, signal: AbortSignal) => unknown
  readonly output?: z.ZodType
  /** Sent as it is, whatever `output` declares. */
  readonly lies?: Record<string, unknown>
}

export interface PlainServer extends AsyncDisposable {
  readonly connect: Connect
  readonly url: string
  /** How often somebody connected. */
  readonly connections: () => number
}

const anything = z.record(z.string(), z.unknown())
let servers = 0

/** An MCP server over plain HTTP on loopback. */
export async function plainServer(...tools: readonly FakeTool[]): Promise<PlainServer> {
  let connections = 0
  const running = await serve(() => mcpServer(tools), {
    name: `fake-${servers++}`,
    tlsEnabled: false,
    httpPort: 0,
    log: false,
  })
  return {
    url: running.url,
    connections: () => connections,
    connect: (signal) => {
      connections++
      return connect({ serverUrl: running.url, useTls: false, log: false, signal })
    },
    [Symbol.asyncDispose]: () => running.close({ drainTimeout: 0 }),
  }
}

function mcpServer(tools: readonly FakeTool[]): McpServer {
  const server = new McpServer({ name: 'fake', version: '1.0.0' })
  for (const { name, answer, output = anything, lies } of tools) {
    const config = { inputSchema: z.looseObject({}), outputSchema: output }
    server.registerTool(name, config, async (given, context) => {
      const result = (await answer(given, context.mcpReq.signal)) as Record<string, unknown>
      const text = String(result.sentence ?? JSON.stringify(result))
      return { content: [{ type: 'text', text }], structuredContent: result }
    })
    if (lies)
      server.server.setRequestHandler('tools/call', async () => ({ content: [], structuredContent: lies }))
  }
  return server
}
