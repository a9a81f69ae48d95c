import { setImmediate } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

/** A promise with its way to fulfil it. */
export function gate<T = void>() {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** What the tools of `slowServer` do, seen and steered from outside. */
export class Script {
  readonly started = gate()
  readonly finish = gate()
  readonly aborted = gate<unknown>()
  /** How often a tool was begun. */
  calls = 0
  /** How many of the notifications of `flood` were handed over. */
  sent = 0
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/**
 * Tools that take their time: `wait` (read-only) and `act` (not) until `script.finish`, `progress` tells a
 * notification first, `flood` sends 10 MB of them.
 */
export function slowServer(script: Script): McpServer {
  const server = new McpServer({ name: 'slow-mcp', version: '1.0.0' })
  const begin = (signal: AbortSignal) => {
    script.calls++
    signal.addEventListener('abort', () => script.aborted.open(signal.reason))
    script.started.open()
  }
  const wait = async (_input: object, { mcpReq }: { mcpReq: { signal: AbortSignal } }) => {
    begin(mcpReq.signal)
    await script.finish.opened
    return text('done')
  }
  const inputSchema = z.object({})
  server.registerTool('wait', { inputSchema, annotations: { readOnlyHint: true } }, wait)
  server.registerTool('act', { inputSchema }, wait)
  server.registerTool('progress', { inputSchema }, async (_input, { mcpReq }) => {
    begin(mcpReq.signal)
    const progressToken = mcpReq._meta?.progressToken ?? 0
    await mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress: 1, total: 2 },
    })
    await script.finish.opened
    return text('done')
  })
  server.registerTool('flood', { inputSchema }, async (_input, { mcpReq }) => {
    begin(mcpReq.signal)
    const progressToken = mcpReq._meta?.progressToken ?? 0
    const message = 'x'.repeat(100_000)
    while (!mcpReq.signal.aborted && script.sent < 100) {
      const progress = ++script.sent
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, message } })
      await setImmediate()
    }
    await script.finish.opened
    return text('done')
  })
  server.registerTool('fail', { inputSchema }, () => {
    throw new Error('the tool has a secret: hunter2')
  })
  return server
}
