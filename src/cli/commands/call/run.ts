import type { CallToolResult, Tool } from '@modelcontextprotocol/client'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { ofPeer } from '../../../text/of-peer.js'
import { writeError } from '../../io/error-text.js'
import type { Io } from '../../io/io.js'
import { checkArguments, checkOutput } from '../../mcp/check.js'
import { toolLines } from '../../mcp/content.js'
import { safeJson, safeLines, writeResult } from '../../mcp/foreign-text.js'
import { suggestion } from '../../mcp/near.js'
import { wholeList } from '../../mcp/pages.js'
import { readText } from '../../mcp/read-text.js'
import { inSession, type Session, type SessionFlags } from '../../mcp/session.js'
import { toolArguments } from '../../mcp/tool-arguments.js'

export interface CallFlags extends SessionFlags {}

export function run(words: readonly string[], flags: CallFlags, settings: Settings, io: Io): Promise<void> {
  return inSession(words, flags, settings, io, async (session) => {
    const [name, ...given] = session.words
    if (name === undefined)
      throw new MtlsError('CONFIG_INVALID', 'no tool is named', {
        hint: `\`mcp-mtls tools\` lists those of ${ofPeer(session.target.name)}.`,
      })
    const tool = await toolOf(name, session)
    const args = await toolArguments(given, tool.inputSchema, readText(io))
    checkArguments(args, tool.inputSchema, session.teller)
    const result = await call(tool, args, session)
    tell(result, tool, session, flags, io)
  })
}

async function toolOf(name: string, session: Session): Promise<Tool> {
  const tools = (await wholeList(session, 'tools/list')).tools as Tool[]
  const tool = tools.find((one) => one.name === name)
  if (tool) return tool
  const names = tools.map((one) => one.name)
  const { name: server } = session.target
  const hint =
    names.length === 0
      ? `${ofPeer(server)} shows no tools to this certificate.`
      : `${suggestion(name, names)} A server lists only what this certificate may use.`
  throw new MtlsError('CONFIG_INVALID', `there is no tool ${JSON.stringify(name)} at ${ofPeer(server)}`, {
    hint,
  })
}

async function call(tool: Tool, args: Record<string, unknown>, session: Session): Promise<CallToolResult> {
  const { client, teller, tap, options } = session
  const { outputSchema, ...toolDefinition } = tool // its result is checked by us, and shown whatever it is
  const params = {
    name: tool.name,
    arguments: args,
    _meta: { 'io.modelcontextprotocol/logLevel': 'info' as const },
  }
  const onprogress = () => {} // so that the server tells of it: the tap hears it
  const result = await tap.whole(() => client.callTool(params, { ...options, toolDefinition, onprogress }))
  teller.clear()
  checkOutput(result, outputSchema, teller)
  return result
}

function tell(
  result: CallToolResult,
  tool: Tool,
  { target }: Session,
  { json = false }: CallFlags,
  io: Io,
): void {
  if (result.isError) io.exitCode = 1
  if (json) return writeResult(io, safeJson(result).split('\n'))
  const lines = toolLines(result)
  if (!result.isError) return writeResult(io, lines)
  const [first = 'the tool says no more', ...rest] = lines
  const message = [`${tool.name} of ${target.name}: ${first}`, ...rest].join('\n')
  writeError(io, { code: 'TOOL_FAILED', message: safeLines(message).join('\n') }, false)
}
