// The same tools by SDK v2, which speaks 2026-07-28 and what came before it. In the newer era a question is an answer
// that says what is needed, and the call comes again with it; for older clients the SDK asks on the way.
import { inputRequired, Server } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { answers, cancelled, capabilities, info, seen, tools } from './tools.mjs'

class NeedsInput {
  constructor(request) {
    this.request = request
  }
}

export function serve() {
  serveStdio(makeServer)
}

/** A server of these tools, for whatever serves servers of SDK v2. */
export function makeServer() {
  const server = new Server(info, { capabilities, instructions: 'A fixture' })
  const handle = (method, answer) =>
    server.setRequestHandler(method, (request, context) => {
      if (seen.received.length < 1000) seen.received.push(method)
      return answer(request.params ?? {}, context)
    })
  for (const [method, answer] of Object.entries(answers)) handle(method, answer)
  handle('logging/setLevel', ({ level }) => {
    seen.level = level
    return {}
  })
  handle('resources/subscribe', ({ uri }) => {
    seen.subscriptions.add(uri)
    return {}
  })
  handle('resources/unsubscribe', ({ uri }) => {
    seen.subscriptions.delete(uri)
    return {}
  })
  handle('tools/call', async ({ name, arguments: args = {} }, { mcpReq }) => {
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined
    if (!tool) throw Object.assign(new Error(`Unknown tool: ${name}`), { code: -32602 })
    mcpReq.signal.addEventListener('abort', () =>
      cancelled(mcpReq.signal.reason?.message ?? mcpReq.signal.reason),
    )
    const notify = (method, params) => mcpReq.notify({ method, params })
    const call = {
      meta: mcpReq._meta,
      signal: mcpReq.signal,
      level: mcpReq.envelope?.['io.modelcontextprotocol/logLevel'],
      notify,
      ask: async (method, params) => {
        const answer = mcpReq.inputResponses?.answer
        if (answer === undefined) throw new NeedsInput({ method, params })
        return answer
      },
      progress: async (progress, total) => {
        const progressToken = mcpReq._meta?.progressToken
        if (progressToken !== undefined)
          await notify('notifications/progress', { progressToken, progress, total })
      },
      // In the newer era the SDK knows who listens to what.
      updated: async (uri) => {
        if (mcpReq.envelope || seen.subscriptions.has(uri)) await server.sendResourceUpdated({ uri })
      },
      overhead: () =>
        JSON.stringify({ jsonrpc: '2.0', id: mcpReq.id, result: { content: [{ type: 'text', text: '' }] } })
          .length,
    }
    try {
      return await tool.run(args, call)
    } catch (error) {
      if (!(error instanceof NeedsInput)) throw error
      const { method, params } = error.request
      const request = { method, ...(params && { params }) }
      return inputRequired({ inputRequests: { answer: request } })
    }
  })
  server.oninitialized = () => {
    seen.initialize++
  }
  return server
}
