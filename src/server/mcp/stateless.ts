import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { type AnyMcpServer, closeServer, type FactoryContext } from './any-server.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import { type Exchange, refusal } from './exchange.js'

export interface StatelessOptions {
  readonly make: (context: FactoryContext) => Promise<AnyMcpServer>
  readonly conversation: ConversationOptions
}

export const oneWayWords = 'needs a session, to reach the client: serve(factory, { sessions: true })'

/**
 * Answers a request of a revision before 2026-07-28 without a session: by a server of its own, which is closed once the
 * answer is written, or the client has gone.
 */
export async function answerStateless(
  { request, response, authInfo, body, calls, web, signal }: Exchange,
  { make, conversation: told }: StatelessOptions,
): Promise<Response> {
  if (request.method !== 'POST') return refusal(405, -32000, 'Method not allowed.', { allow: 'POST' })
  const server = await make({ era: 'legacy', ...(authInfo && { authInfo }), requestInfo: web })
  const transport = new WebStandardStreamableHTTPServerTransport()
  const conversation = new Conversation({
    ...told,
    oneWay: oneWayWords,
    onAnswer: ({ method }, answer) => (method === 'initialize' ? withoutPromises(answer) : answer),
  })
  conversation.begin(calls)
  const end = async () => {
    conversation.endAll(response.writableFinished ? 'error' : 'aborted')
    await closeServer(server)
    await transport.close()
  }
  if (signal.aborted) {
    await end() // nobody waits for the answer any more: nothing runs
    throw signal.reason
  }
  response.once('close', () => void end())
  await conversation.connect(server, transport)
  return transport.handleRequest(web, {
    ...(authInfo && { authInfo }),
    ...(body !== undefined && { parsedBody: body }),
  })
}

/** What a server cannot keep without a session: changes are told on a stream that does not exist. */
function withoutPromises<Answer extends object>(answer: Answer): Answer {
  const { result } = answer as { result?: { capabilities?: Record<string, unknown> } }
  if (!result?.capabilities) return answer
  const capabilities = Object.entries(result.capabilities).map(([name, capability]) => {
    if (typeof capability !== 'object' || capability === null) return [name, capability]
    const { listChanged: _changes, subscribe: _updates, ...kept } = capability as Record<string, unknown>
    return [name, kept]
  })
  return { ...answer, result: { ...result, capabilities: Object.fromEntries(capabilities) } }
}
