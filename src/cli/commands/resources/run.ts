import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import type { Io } from '../../io/io.js'
import { shownPath } from '../../io/output.js'
import { bytesOf, mediaText, resourceLines } from '../../mcp/content.js'
import { safeJson, writeResult } from '../../mcp/foreign-text.js'
import { resourceListLines, tellEmpty } from '../../mcp/listing.js'
import type { ServerFlags } from '../../mcp/options.js'
import { wholeList } from '../../mcp/pages.js'
import { inSession, type Session } from '../../mcp/session.js'
import { noMoreWords } from '../../mcp/target.js'

export interface ResourcesFlags extends ServerFlags {
  readonly output?: string
}

export function run(
  words: readonly string[],
  flags: ResourcesFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  requireOutput(flags, io)
  return inSession(words, flags, settings, io, async (session) => {
    const [uri, ...rest] = session.words
    noMoreWords(rest)
    if (uri !== undefined) return read(uri, session, flags, io)
    if (flags.output !== undefined)
      throw new MtlsError('CONFIG_INVALID', '--output is for the content of one resource: give its URI')
    const list = await wholeList(session, 'resources/list')
    const { resourceTemplates } = await wholeList(session, 'resources/templates/list')
    const result = { ...list, resourceTemplates }
    if (flags.json) return writeResult(io, [safeJson(result)])
    const lines = resourceListLines(result, io)
    tellEmpty(lines, 'resources', session)
    writeResult(io, lines)
  })
}

/** Throws `CONFIG_INVALID`. */
function requireOutput({ output, json }: ResourcesFlags, { stdout }: Io): void {
  if (output !== undefined && json)
    throw new MtlsError('CONFIG_INVALID', '--output and --json both say what to write: give one of them')
  if (output === '-' && 'isTTY' in stdout && stdout.isTTY === true)
    throw new MtlsError('CONFIG_INVALID', '--output - would write foreign bytes to the terminal', {
      hint: 'Name a file, or pipe it into a program.',
    })
}

async function read(uri: string, session: Session, { output, json }: ResourcesFlags, io: Io): Promise<void> {
  const { client, tap, teller, options } = session
  const result = await tap.whole(() => client.readResource({ uri }, options))
  if (json) return writeResult(io, [safeJson(result)])
  const { contents } = result
  if (output === undefined) {
    writeResult(io, resourceLines(contents))
    if (contents.some((one) => !('text' in one))) teller.lines(['note: --output FILE writes the bytes'])
    return
  }
  const [only] = contents
  if (!only || contents.length > 1)
    throw new MtlsError('TOOL_FAILED', `the resource has ${contents.length} parts, and --output writes one`, {
      hint: 'Use --json, which has them all.',
    })
  const bytes = bytesOf(only)
  if (output === '-') return void io.stdout.write(bytes)
  const path = resolve(io.cwd, output)
  await writeFile(path, bytes)
  teller.lines([`written: ${shownPath(path, io)} (${mediaText(only.mimeType, bytes.length)})`])
}
