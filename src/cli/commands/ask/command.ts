import { resolve } from 'node:path'
import { Command } from 'commander'
import { type McpServersFile, readMcpServers, type Settings, settingsOf } from '../../../config/index.js'
import { type AskFailure, ask, longestQuestion, type Reply } from '../../../coordinator/index.js'
import { MtlsError } from '../../../errors.js'
import type { Io } from '../../io/io.js'
import { printable, writeFailure, writeJson, writeLines } from '../../io/output.js'
import { connectsFor } from '../../options/mcp-servers.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { errorJson, planLines, replyJson } from './report.js'

interface AskFlags {
  readonly city?: string
  readonly config?: string
  readonly json?: boolean
  readonly verbose?: boolean
}

/** What went wrong decides the exit code; of several, the first in this order. */
const exitCodes: readonly (readonly [AskFailure['kind'], number])[] = [
  ['place', 2],
  ['timeout', 4],
  ['unreachable', 3],
  ['other', 5],
  ['usage', 1],
]
const interrupted = 130

export function build(io: Io): Command {
  const command = new Command('ask')
    .description('Answers a question by asking the servers, over mutual TLS')
    .argument('[question...]', 'the question, 500 characters at most; from stdin when absent')
    .option('--city <city>', 'the city meant where the question names none')
    .option('--config <file>', 'take the servers from a mcpServers JSON file instead of the settings')
    .option('--json', 'answer as JSON')
    .option('--verbose', 'plan, timing and TLS facts of each call on stderr')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls ask "What's the weather and the time in Tokyo?"
  $ echo "What time is it in Lima when it is 15:00 in Oslo?" | mcp-mtls ask --json

An entry of the --config file may have a "tls" object: ca, cert, key, passphrase, serverName.
Security events go to the file of --security-log, and to stderr with a --log-level other than info.

Exit codes: 0 answered, 1 bad usage, 2 city not found, 3 a server unreachable or refusing, 4 timeout,
5 anything else, 130 interrupted. Of a partial answer it is that of what failed, in the order 2, 4, 3, 5.`,
    )
    .action((words: readonly string[], flags: AskFlags) => run(command, words, flags, io))
  return addSettingOptions(command, ...settingsOf('tls', 'call', 'log'))
}

async function run(command: Command, words: readonly string[], flags: AskFlags, io: Io): Promise<void> {
  const settings = resolveSettings(command, io)
  const file = flags.config === undefined ? undefined : serversFile(flags.config, settings, io)
  const question = words.length > 0 ? words.join(' ') : await questionFrom(io)
  const relaxed = new Set<string>()
  const servers = connectsFor(settings, file, (notice) => relaxed.add(notice))
  const stop = new AbortController()
  const interrupt = (): void => stop.abort()
  process.once('SIGINT', interrupt)
  try {
    const { timeoutMs } = settings
    const reply = await ask(question, { servers, city: flags.city, timeoutMs, signal: stop.signal })
    if (flags.verbose) writeLines(io.stderr, planLines(reply).map(printable))
    write(
      { ...reply, notices: [...(file?.notices ?? []), ...relaxed, ...reply.notices] },
      flags.json === true,
      io,
    )
    io.exitCode = exitCodeOf(reply.failures)
  } catch (error) {
    io.exitCode = stop.signal.aborted ? interrupted : exitCodeOfError(error)
    if (!stop.signal.aborted) throw error
  } finally {
    process.off('SIGINT', interrupt)
  }
}

function serversFile(path: string, { tlsEnabled, tls }: Settings, { cwd }: Io): McpServersFile {
  const { demoMode, demoAllowRemote = false } = tls
  return readMcpServers(resolve(cwd, path), { tls: tlsEnabled, demoMode, demoAllowRemote })
}

function exitCodeOfError(error: unknown): number {
  const code = error instanceof MtlsError ? error.code : undefined
  return code === 'CONFIG_INVALID' ? 1 : code === 'CONNECTION_TIMEOUT' ? 4 : 5
}

/** An answer, also a partial one, goes to stdout; when nothing was answered stderr says why. */
function write(reply: Reply, json: boolean, io: Io): void {
  const answered = reply.calls.some(({ outcome }) => outcome.ok)
  const [first] = reply.failures
  writeLines(
    io.stderr,
    reply.notices.map((notice) => `note: ${printable(notice)}`),
  )
  if (!answered) for (const failure of reply.failures) writeFailure(io, failure, false)
  if (json && reply.calls.length === 0 && first) writeJson(io, { error: errorJson(first) })
  else if (json) writeJson(io, replyJson(reply))
  else if (answered) writeLines(io.stdout, reply.answer.split('\n').map(printable))
}

function exitCodeOf(failures: readonly AskFailure[]): number {
  return exitCodes.find(([kind]) => failures.some((failure) => failure.kind === kind))?.[1] ?? 0
}

/** From stdin, but for a terminal, where nobody may be typing. A little more than is allowed is enough to refuse it. */
async function questionFrom({ stdin }: Io): Promise<string> {
  let question = ''
  if (!('isTTY' in stdin && stdin.isTTY))
    for await (const chunk of stdin.setEncoding('utf8')) {
      question += chunk
      if (question.length > 10 * longestQuestion) break
    }
  return question.trim()
}
