import type { CallToolResult } from '@modelcontextprotocol/client'
import { ofPeer } from '../text/of-peer.js'
import type { ConnectionFacts, Connections, ToolClient } from './connections.js'
import { type AskFailure, failureOf, longestAnswer, timedOut, toolFailed } from './failure.js'
import type { PlannedCall } from './plan.js'
import { whileNotAborted } from './while-not-aborted.js'

export interface CallOutcome extends PlannedCall {
  /** From the start of the call, including connecting, to its end. */
  readonly durationMs: number
  /** Undefined without TLS, or if there was no connection. */
  readonly tls: ConnectionFacts | undefined
  readonly outcome:
    | { readonly ok: true; readonly result: unknown; readonly text: string }
    | { readonly ok: false; readonly failure: AskFailure }
}

/** The abort reason for a timeout. */
export class OutOfTime extends Error {}

/** Makes all calls at once; a call that fails or times out does not affect the others. */
export function runCalls(
  calls: readonly PlannedCall[],
  connections: Connections,
  signal: AbortSignal,
): Promise<CallOutcome[]> {
  return Promise.all(calls.map((call) => runCall(call, connections, signal)))
}

async function runCall(
  call: PlannedCall,
  connections: Connections,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const started = performance.now()
  let tls: ConnectionFacts | undefined
  const done = (outcome: CallOutcome['outcome']): CallOutcome => ({
    ...call,
    durationMs: Math.round(performance.now() - started),
    tls,
    outcome,
  })
  const failed = (failure: AskFailure): CallOutcome => done({ ok: false, failure })
  const { server, tool } = call
  if (!connections.servers.includes(server)) return failed(toolFailed(`No server has the tool ${tool}.`))
  try {
    const { client, tools } = await connections.open(server)
    tls = establishedFacts(client)
    if (!tools.some(({ name }) => name === tool))
      return failed(toolFailed(`The ${server} server has no tool ${tool}.`))
    const result = await whileNotAborted(
      client.callTool({ name: tool, arguments: { ...call.arguments } }, { signal }),
      signal,
    )
    tls = establishedFacts(client) ?? tls
    const text = textOf(result)
    if (result.isError)
      return failed(toolFailed(`The ${server} server could not answer: ${ofPeer(text, longestAnswer)}`))
    return done({ ok: true, result: result.structuredContent ?? text, text })
  } catch (error) {
    if (!signal.aborted) return failed(failureOf(error, server))
    if (signal.reason instanceof OutOfTime) return failed(timedOut(server, signal.reason.message))
    throw error
  }
}

/** The newest connection may still be opening for another call. */
function establishedFacts(client: ToolClient): ConnectionFacts | undefined {
  const facts = client.connection?.()
  return facts?.tlsVersion === undefined ? undefined : facts
}

function textOf({ content, structuredContent }: CallToolResult): string {
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
  return text === '' ? JSON.stringify(structuredContent ?? {}) : text
}
