import type { Settings } from '../../../config/index.js'
import type { Io } from '../../io/io.js'
import { safeJson, writeResult } from '../../mcp/foreign-text.js'
import { tellEmpty, toolListLines } from '../../mcp/listing.js'
import type { ServerFlags } from '../../mcp/options.js'
import { wholeList } from '../../mcp/pages.js'
import { inSession } from '../../mcp/session.js'
import { noMoreWords } from '../../mcp/target.js'

export function run(words: readonly string[], flags: ServerFlags, settings: Settings, io: Io): Promise<void> {
  return inSession(words, flags, settings, io, async (session) => {
    noMoreWords(session.words)
    const result = await wholeList(session, 'tools/list')
    if (flags.json) return writeResult(io, [safeJson(result)])
    const lines = toolListLines(result, io)
    tellEmpty(lines, 'tools', session)
    writeResult(io, lines)
  })
}
