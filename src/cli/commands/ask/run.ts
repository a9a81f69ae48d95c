import type { Settings } from '../../../config/index.js'
import { ask, longestQuestion, type Reply } from '../../../coordinator/index.js'
import { exitCodeOfFailures } from '../../exit-codes.js'
import { writeError } from '../../io/error-text.js'
import type { Io } from '../../io/io.js'
import { printable, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { mcpServers } from '../../options/mcp-servers.js'
import { connectsFor } from './connections.js'
import { errorJson, planLines, replyJson } from './report.js'

export interface AskFlags {
  readonly city?: string
  readonly config?: string
  readonly serverId?: readonly string[]
  readonly json?: boolean
  readonly verbose?: boolean
}

export async function run(
  words: readonly string[],
  { city, config, serverId, json = false, verbose = false }: AskFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const called = mcpServers({ config, serverId }, settings, io)
  const question = words.length > 0 ? words.join(' ') : await questionFrom(io)
  const relaxed = new Set<string>()
  const servers = connectsFor(called.servers, settings, (notice) => relaxed.add(notice))
  const { timeoutMs } = settings
  const reply = await untilSignal(io, (signal) => ask(question, { servers, city, timeoutMs, signal }))
  if (verbose) writeLines(io.stderr, planLines(reply).map(printable))
  write({ ...reply, notices: [...called.notices, ...relaxed, ...reply.notices] }, json, io)
  io.exitCode = exitCodeOfFailures(reply.failures)
}

/** An answer, even a partial one, goes to stdout; when nothing was answered stderr says why. */
function write(reply: Reply, json: boolean, io: Io): void {
  const answered = reply.calls.some(({ outcome }) => outcome.ok)
  const [first] = reply.failures
  writeLines(
    io.stderr,
    reply.notices.map((notice) => `note: ${printable(notice)}`),
  )
  if (!answered) for (const failure of reply.failures) writeError(io, failure, false)
  if (json && reply.calls.length === 0 && first) writeJson(io, { error: errorJson(first) })
  else if (json) writeJson(io, replyJson(reply))
  else if (answered) writeLines(io.stdout, reply.answer.split('\n').map(printable))
}

/**
 * Reads stdin unless it is a terminal, where nobody may be typing. Reading slightly more than the limit is enough to
 * refuse it.
 */
async function questionFrom({ stdin }: Io): Promise<string> {
  let question = ''
  if (!('isTTY' in stdin && stdin.isTTY))
    for await (const chunk of stdin.setEncoding('utf8')) {
      question += chunk
      if (question.length > 10 * longestQuestion) break
    }
  return question.trim()
}
