import type { Prompt } from '@modelcontextprotocol/client'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { ofPeer } from '../../../text/of-peer.js'
import type { Io } from '../../io/io.js'
import { promptLines } from '../../mcp/content.js'
import { safeJson, writeResult } from '../../mcp/foreign-text.js'
import { promptListLines, tellEmpty } from '../../mcp/listing.js'
import { suggestion } from '../../mcp/near.js'
import type { ServerFlags } from '../../mcp/options.js'
import { wholeList } from '../../mcp/pages.js'
import { readText } from '../../mcp/read-text.js'
import { inSession, type Session } from '../../mcp/session.js'
import { toolArguments, wrong } from '../../mcp/tool-arguments.js'

export function run(words: readonly string[], flags: ServerFlags, settings: Settings, io: Io): Promise<void> {
  return inSession(words, flags, settings, io, async (session) => {
    const list = await wholeList(session, 'prompts/list')
    const [name, ...given] = session.words
    if (name !== undefined) {
      const prompt = promptOf(name, list.prompts as Prompt[], session)
      return get(prompt, await promptArguments(given, prompt, io), session, flags, io)
    }
    if (flags.json) return writeResult(io, [safeJson(list)])
    const lines = promptListLines(list, io)
    tellEmpty(lines, 'prompts', session)
    writeResult(io, lines)
  })
}

function promptOf(name: string, prompts: readonly Prompt[], { target }: Session): Prompt {
  const prompt = prompts.find((one) => one.name === name)
  if (prompt) return prompt
  const names = prompts.map((one) => one.name)
  throw new MtlsError(
    'CONFIG_INVALID',
    `there is no prompt ${JSON.stringify(name)} at ${ofPeer(target.name)}`,
    {
      hint: suggestion(name, names) || `${ofPeer(target.name)} shows no prompts to this certificate.`,
    },
  )
}

/** Prompts declare names, not schemas, and take text alone. */
async function promptArguments(
  given: readonly string[],
  { arguments: declared = [] }: Prompt,
  io: Io,
): Promise<Record<string, string>> {
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(declared.map(({ name }) => [name, { type: 'string' }])),
    required: declared.filter(({ required }) => required).map(({ name }) => name),
  }
  const values = await toolArguments(given, schema, readText(io))
  for (const [name, value] of Object.entries(values))
    if (typeof value !== 'string') throw wrong(`${ofPeer(name, 60)}: expected text`, schema)
  return values as Record<string, string>
}

async function get(
  { name }: Prompt,
  args: Record<string, string>,
  { client, tap, options }: Session,
  { json }: ServerFlags,
  io: Io,
): Promise<void> {
  const result = await tap.whole(() => client.getPrompt({ name, arguments: args }, options))
  writeResult(io, json ? [safeJson(result)] : promptLines(result))
}
