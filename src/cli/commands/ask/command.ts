import { Command } from 'commander'
import { settingsOf } from '../../../config/settings/setting-table.js'
import type { Io } from '../../io/io.js'
import { serverIdOption } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { AskFlags } from './run.js'

export function build(io: Io): Command {
  const command = new Command('ask')
    .description('Answers a question by asking the servers, over mutual TLS')
    .argument('[question...]', 'the question, 500 characters at most; from stdin when absent')
    .option('--city <city>', 'the city meant where the question names none')
    .option('--config <file>', 'take the servers from a mcpServers JSON file instead of the settings')
    .addOption(serverIdOption())
    .option('--json', 'answer as JSON')
    .option('--verbose', 'plan, timing and TLS facts of each call on stderr')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls ask "What's the weather and the time in Tokyo?"
  $ echo "What time is it in Lima when it is 15:00 in Oslo?" | mcp-mtls ask --json

An entry of the --config file may have a "tls" object: ca, cert, key, passphrase, serverName, serverId.
Security events go to the file of --security-log, and to stderr with a --log-level other than info.`,
    )
    .action(async (words: readonly string[], flags: AskFlags) => {
      const settings = await resolveSettings(command, io)
      const { run } = await import('./run.js')
      await run(words, flags, settings, io)
    })
  return addSettingOptions(command, ...settingsOf('tls', 'call', 'log'))
}
