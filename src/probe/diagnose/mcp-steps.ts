import type { Tool } from '@modelcontextprotocol/client'
import { connect, type MtlsClient } from '../../client/index.js'
import type { TlsOptions } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { ofPeer } from '../../text/of-peer.js'
import { type Found, StepFailure, type Steps } from './steps.js'

export interface McpOptions {
  /** `https:`; its path is the MCP endpoint. */
  readonly url: URL
  /** Our own files, and how servers are judged. */
  readonly tls: TlsOptions
  /** The name the certificate must have, instead of the host of the URL. */
  readonly serverName?: string | undefined
  /** The identities of which it must have one, as they are compared, instead. */
  readonly serverIds?: readonly string[] | undefined
  /** For each step, milliseconds. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Speaks MCP with a server that accepted us: what it is, its tools, and one call that changes nothing. */
export async function runMcpSteps(
  options: McpOptions,
  client_certificate: unknown,
  steps: Steps,
): Promise<void> {
  const mcp = await steps.run('mcp', { client_certificate }, () => connectMcp(options))
  try {
    const tools = await steps.run('tools', { mcp }, ({ mcp }) => listTools(mcp, options))
    await steps.run('tool_call', { mcp, tools }, ({ mcp, tools }) => callHarmlessTool(mcp, tools, options))
  } finally {
    await mcp?.close()
  }
}

async function connectMcp(options: McpOptions): Promise<Found<MtlsClient>> {
  const { url, tls, serverName, serverIds, timeoutMs, signal } = options
  const client = await orNotMcp(options, () =>
    connect({
      serverUrl: url,
      tls,
      ...(serverName !== undefined && { serverName }),
      ...(serverIds !== undefined && { serverId: serverIds }),
      timeoutMs,
      retryAttempts: 0,
      log: false,
      watch: false,
      ...(signal && { signal }),
    }),
  )
  const { name, version } = client.getServerVersion() ?? { name: 'a server without a name', version: '' }
  const revision = client.getNegotiatedProtocolVersion() ?? 'unknown'
  return { value: client, detail: `${ofPeer(name)} ${ofPeer(version)}, revision ${ofPeer(revision)}` }
}

async function listTools(client: MtlsClient, options: McpOptions): Promise<Found<readonly Tool[]>> {
  if (!client.getServerCapabilities()?.tools) return { value: [], detail: 'the server has no tools' }
  const { tools } = await orNotMcp(options, () => client.listTools({}, signalOf(options)))
  if (tools.length === 0)
    return { value: [], detail: 'the server shows this identity none: a policy there may hide them' }
  const names = tools
    .slice(0, namedTools)
    .map((tool) => `${ofPeer(tool.name)}${isReadOnly(tool) ? '' : ' (may change things)'}`)
  const rest = tools.length > namedTools ? ` and ${tools.length - namedTools} more` : ''
  return { value: tools, detail: `${tools.length}: ${names.join(', ')}${rest}` }
}

async function callHarmlessTool(
  client: MtlsClient,
  tools: readonly Tool[],
  options: McpOptions,
): Promise<Found<true>> {
  const call = tools.map(harmlessCall).find((found) => found !== undefined)
  if (!call) {
    const why = tools.length === 0 ? 'there is none' : 'no tool is read-only and needs no arguments we know'
    return { value: true, detail: `none called: ${why}` }
  }
  const result = await orNotMcp(options, () => client.callTool(call, signalOf(options)))
  const said = result.content.map((part) => ('text' in part ? String(part.text) : part.type)).join(' ')
  const text = ofPeer(said, 100)
  if (result.isError)
    throw new MtlsError('TOOL_FAILED', `${call.name}: the server says that the call failed: ${text}`)
  // One tool of the MCP project's example server, read-only too, answers with the variables of its process.
  const shown = Object.hasOwn(wellKnown, call.name)
    ? text
    : 'answered (what it says is not shown: it may be secret)'
  return { value: true, detail: `${call.name}: ${shown}` }
}

/** A server may have thousands. */
const namedTools = 50

/** Arguments that tools of these names accept. */
const wellKnown: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  echo: { text: 'hello from mcp-mtls test-tls' },
  getTemperature: { city: 'Oslo' },
  getDateTime: { timezone: 'UTC' },
}

/** How to call this tool without changing anything, undefined when we do not know. */
function harmlessCall(tool: Tool): { name: string; arguments: Record<string, string> } | undefined {
  const { required = [] } = tool.inputSchema
  const known = { ...wellKnown[tool.name] }
  const sufficient = required.every((argument) => argument in known)
  return isReadOnly(tool) && sufficient ? { name: tool.name, arguments: known } : undefined
}

/** Undeclared is not read-only: that is the default of MCP. */
function isReadOnly({ annotations }: Tool): boolean {
  return annotations?.readOnlyHint === true
}

function signalOf({ signal }: McpOptions): { readonly signal?: AbortSignal } {
  return signal ? { signal } : {}
}

/** Any error other than `MtlsError` is about MCP: the connection worked, but what came over it was not MCP. */
async function orNotMcp<T>({ url, signal }: McpOptions, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof MtlsError || !(error instanceof Error)) throw error
    throw new StepFailure(
      'NOT_MCP',
      `${url} answers, but not as an MCP server does: ${ofPeer(error.message)}`,
    )
  }
}
