import { Client, StreamableHTTPClientTransport, type Tool } from '@modelcontextprotocol/client'
import { explainFailure } from '../../client/failure.js'
import { plainFetch } from '../../client/fetch.js'
import { mtlsFetch } from '../../client/mtls-fetch.js'
import type { TlsOptions } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import type { TlsConnection } from '../../tls/peer/connection.js'

/** One request as the official client sent it, to be repeated many times. */
export interface RecordedCall {
  readonly url: URL
  /** What is called, for people. */
  readonly title: string
  readonly headers: Readonly<Record<string, string>>
  /** The JSON-RPC message; each repetition gets an id of its own. */
  readonly message: Readonly<Record<string, unknown>>
  /** What was negotiated, with TLS. */
  readonly connection: TlsConnection | undefined
}

/**
 * Calls a server once, in the revision and session both agree on, and keeps the request. `tls` is required for
 * `https://`; with `serverIds` the server must have one of these identities. Throws what `connect()` throws, and `TOOL_FAILED`.
 */
export async function recordCall(
  url: URL,
  tls: TlsOptions | undefined,
  signal: AbortSignal,
  serverIds?: readonly string[],
): Promise<RecordedCall> {
  const mtls = tls && mtlsFetch(tls, { serverId: serverIds })
  const fetch = mtls ?? plainFetch()
  let sent: { headers: Headers; body: string } | undefined
  const transport = new StreamableHTTPClientTransport(url, {
    fetch: (target, init) => {
      if (init?.method === 'POST') sent = { headers: new Headers(init.headers), body: String(init.body) }
      return fetch(target, init)
    },
  })
  const client = new Client(
    { name: 'mcp-mtls perf-test', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const abort = () => void transport.close()
  signal.addEventListener('abort', abort, { once: true })
  try {
    await client.connect(transport)
    const { tools } = await client.listTools()
    const call = toolToCall(tools)
    const result = call && (await client.callTool(call))
    if (result?.isError)
      throw new MtlsError('TOOL_FAILED', `${url}: the tool ${call?.name} answered with an error`)
    if (!sent) throw new Error('the client sent nothing')
    return {
      url,
      title: call ? `the tool ${call.name}` : 'tools/list',
      headers: Object.fromEntries(sent.headers),
      message: JSON.parse(sent.body),
      connection: mtls?.connection(url),
    }
  } catch (error) {
    signal.throwIfAborted()
    throw explainFailure(error, url)
  } finally {
    signal.removeEventListener('abort', abort)
    await client.close()
    await fetch.close()
  }
}

/** A tool that can safely be called thousands of times: an `echo`, or one that only reads and needs no arguments. */
export function toolToCall(
  tools: readonly Pick<Tool, 'name' | 'inputSchema' | 'annotations'>[],
): { name: string; arguments: Record<string, unknown> } | undefined {
  const readers = tools.filter(({ annotations }) => annotations?.readOnlyHint === true)
  const asks = (tool: (typeof tools)[number]) => (tool.inputSchema.required ?? []).join()
  if (readers.some((tool) => tool.name === 'echo' && asks(tool) === 'text'))
    return { name: 'echo', arguments: { text: 'x'.repeat(64) } }
  const reader = readers.find((tool) => asks(tool) === '')
  return reader && { name: reader.name, arguments: {} }
}
