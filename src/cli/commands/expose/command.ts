import { Command, Option } from 'commander'
import { instanceChoices } from '../../../config/settings/choices.js'
import { type SettingName, settingsOf } from '../../../config/settings/setting-table.js'
import type { Io } from '../../io/io.js'
import { allowOption, numberArgument, onceArgument } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { ExposeFlags } from './run.js'

/** Settings of `serve` that say nothing here: its servers, and sessions, which are always on and end after `--idle`. */
const otherSettings = /^(?:weather|datetime|echo)Mcp|^sessions$|^sessionIdle$/

export function build(io: Io): Command {
  const command = new Command('expose')
    .description('Serves a local MCP server over mutual TLS at /mcp, until SIGINT or SIGTERM')
    .usage('[options] -- COMMAND [ARGUMENTS]\n       mcp-mtls expose [options] --upstream URL')
    .passThroughOptions()
    .argument('[command...]', 'after --: the program that speaks MCP on stdin and stdout, with its arguments')
    .addOption(
      new Option('--upstream <url>', 'a server that answers MCP over plain HTTP on this machine').argParser(
        onceArgument('--upstream'),
      ),
    )
    .option('--name <name>', 'name in logs, metrics and /health (default: from the command, or "upstream")')
    .option('--tls-port <port>', 'TLS port', numberArgument, 8446)
    .option('--port <port>', 'HTTP port, with TLS off', numberArgument, 8084)
    .addOption(
      new Option(
        '--instances <who>',
        'who shares a process: one session, the sessions of one identity, all (default: session)',
      ).choices(instanceChoices),
    )
    .option(
      '--idle <duration>',
      'time without a call after which a session and its process end (MCP_SESSION_IDLE, default 5m)',
    )
    .option('--max-instances <number>', 'processes at once (default: 100)', numberArgument)
    .option('--start-timeout <duration>', 'time for a process to answer its first message (default: 30s)')
    .option('--max-line <bytes>', 'longest line a process may write (default: 20000000)', numberArgument)
    .addOption(allowOption())
    .option('--json', 'print where it listens as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls expose -- npx -y @modelcontextprotocol/server-filesystem /srv/files
  $ mcp-mtls expose --tls-port 9443 --instances shared -- python3 server.py --verbose
  $ mcp-mtls expose --upstream http://127.0.0.1:9000/mcp
  $ mcp-mtls expose --policy policy.yaml --audit-log audit.jsonl --upstream http://127.0.0.1:9000/mcp

What comes after -- belongs to the command. Prints where it listens; the log is on stderr, a JSON
object per line. A signal lets calls in flight finish within --drain-timeout, a second one ends at
once. The server learns who calls: docs/serving.md. A policy says who may call what:
docs/authorization.md.`,
    )
    .action(async (words: readonly string[], flags: ExposeFlags) => {
      checkUsage(command, words, flags)
      const settings = await resolveSettings(command, io)
      const { run } = await import('./run.js')
      await run(words, flags, settings, io)
    })
  const settings: SettingName[] = settingsOf('tls', 'listen', 'limits', 'policy', 'log')
  return addSettingOptions(command, ...settings.filter((name) => !otherSettings.test(name)))
}

/** Without `--` a flag of the command would be taken for one of ours. */
function checkUsage(command: Command, words: readonly string[], { upstream }: ExposeFlags): void {
  if (words.length === 0 && upstream === undefined)
    command.error('error: give a program to start (-- COMMAND) or a server to pass calls to (--upstream URL)')
  if (words.length > 0 && upstream !== undefined)
    command.error('error: give a command or --upstream, not both')
  const { rawArgs = [] } = command.parent as { rawArgs?: readonly string[] }
  const separator = rawArgs.indexOf('--')
  if (words.length > 0 && (separator < 0 || rawArgs.length - separator - 1 !== words.length))
    command.error('error: put -- before the command: mcp-mtls expose [options] -- COMMAND')
}
