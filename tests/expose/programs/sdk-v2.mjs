// The same tools by SDK v2, which speaks 2026-07-28 and what came before it. In the newer era a question is an answer
// that says what is needed, and the call comes again with it; for older clients the SDK asks on the way.
import { inputRequired, Server } from '@modelcontextprotocol/server'
import { answers, cancelled, capabilities, info, newSeen, overhead, received, toolOf } from './tools.mjs'

class NeedsInput {
  constructor(request) {
    this.request = request
  }
}

/**
 * A server of these tools, for whatever serves servers of SDK v2. `told` tells those who listen of a change, in the newer
 * era; the SDK's own way if absent.
 */
export function makeServer(seen = newSeen(), { headers = () => undefined, told } = {}) {
  const server = new Server(info, { capabilities, instructions: 'A fixture' })
  const handle = (method, answer) =>
    server.setRequestHandler(method, (request, context) => {
      received(seen, method)
      return answer(request.params ?? {}, seen, context)
    })
  for (const [method, answer] of Object.entries(answers)) handle(method, answer)
  handle('tools/call', async (params, _seen, { mcpReq, http }) => {
    let isAnswered = false // without sessions, all ends after the answer
    mcpReq.signal.addEventListener('abort', () => {
      const { reason } = mcpReq.signal
      if (!isAnswered) cancelled(seen, reason?.message ?? reason)
    })
    const apart = (method, params) => server.notification({ method, params })
    const notify = (method, params) => mcpReq.notify({ method, params })
    const call = {
      seen,
      meta: mcpReq._meta,
      headers: headers(),
      signal: mcpReq.signal,
      level: mcpReq.envelope?.['io.modelcontextprotocol/logLevel'],
      notify: (method, params, isApart) => (isApart && !mcpReq.envelope ? apart : notify)(method, params),
      ask: async (method, params) => {
        const answer = mcpReq.inputResponses?.answer
        if (answer === undefined) throw new NeedsInput({ method, ...(params && { params }) })
        return answer
      },
      progress: async (progress, total) => {
        const progressToken = mcpReq._meta?.progressToken
        if (progressToken !== undefined)
          await notify('notifications/progress', { progressToken, progress, total })
      },
      // In the newer era whoever serves knows who listens to what.
      updated: async (uri) => {
        if (mcpReq.envelope && told) told(uri)
        else if (mcpReq.envelope || seen.subscriptions.has(uri)) await server.sendResourceUpdated({ uri })
      },
      closeStream: http?.closeSSE,
      overhead: overhead(mcpReq.id),
    }
    try {
      return await toolOf(params).run(params.arguments ?? {}, call)
    } catch (error) {
      if (!(error instanceof NeedsInput)) throw error
      return inputRequired({ inputRequests: { answer: error.request } })
    } finally {
      isAnswered = true
    }
  })
  server.oninitialized = () => {
    seen.initialize++
  }
  return server
}
