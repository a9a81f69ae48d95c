/** The result of one `tools/call`, for metrics and logs. */
export interface ObservedCall {
  readonly tool: string
  /**
   * `ok`; `tool_error`: the tool reported a failure; `error`: no tool answered; `unseen`: its stream was too long to
   * follow.
   */
  readonly outcome: 'ok' | 'tool_error' | 'error' | 'aborted' | 'unseen'
  readonly seconds: number
}

/** The answer to a call, as far as it was kept. */
export interface KeptAnswer {
  readonly status: number
  readonly isStream: boolean
  /** Undefined for a stream that was too long. */
  readonly text: string | undefined
}

/** The tool that a parsed request body calls; undefined for every other message. MCP no longer has batches. */
export function calledTool(body: unknown): string | undefined {
  const { method, params } = (body ?? {}) as { method?: unknown; params?: { name?: unknown } }
  return method === 'tools/call' && typeof params?.name === 'string' ? params.name : undefined
}

/** The result of a call; undefined when the answer was not kept. */
export function outcomeOf({ status, isStream, text }: KeptAnswer): ObservedCall['outcome'] | undefined {
  if (status !== 200) return 'error'
  if (text === undefined) return undefined
  try {
    const { error, result } = isStream ? lastMessage(text) : (JSON.parse(text) as Message)
    if (error !== undefined) return 'error'
    return result?.isError === true ? 'tool_error' : 'ok'
  } catch {
    return 'error'
  }
}

interface Message {
  readonly error?: unknown
  readonly result?: { readonly isError?: unknown }
}

/** The answer is the last event of its stream. */
function lastMessage(stream: string): Message {
  const event =
    stream
      .trimEnd()
      .split(/\r?\n\r?\n/)
      .at(-1) ?? ''
  const data = event.split(/\r?\n/).flatMap((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? [])
  return JSON.parse(data.join('\n')) as Message
}
