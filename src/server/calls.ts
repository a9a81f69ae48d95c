/** One `tools/call` as it went, for metrics and logs. */
export interface ObservedCall {
  readonly tool: string
  /** `ok`; `tool_error`: the tool answered that it failed; `error`: no tool answered. */
  readonly outcome: 'ok' | 'tool_error' | 'error' | 'aborted'
  readonly seconds: number
}

/** The tool that a parsed request body calls; undefined for every other message. Batches are not in MCP any more. */
export function calledTool(body: unknown): string | undefined {
  const { method, params } = (body ?? {}) as { method?: unknown; params?: { name?: unknown } }
  return method === 'tools/call' && typeof params?.name === 'string' ? params.name : undefined
}

/** What came of a call, from the body of its answer. A stream is judged by its status alone. */
export function outcomeOf(status: number, body: string | undefined): ObservedCall['outcome'] {
  if (status !== 200) return 'error'
  if (body === undefined) return 'ok'
  try {
    const { error, result } = JSON.parse(body) as { error?: unknown; result?: { isError?: unknown } }
    if (error !== undefined) return 'error'
    return result?.isError === true ? 'tool_error' : 'ok'
  } catch {
    return 'error'
  }
}
