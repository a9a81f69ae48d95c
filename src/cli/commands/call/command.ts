import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { addServerOptions, rootOption, serverHelp } from '../../mcp/options.js'
import { resolveSettings } from '../../options/settings.js'
import type { CallFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls call https://localhost:8443/mcp getTemperature city=Tokyo unit=F
  $ mcp-mtls call --server echo echo '{"text":"hello"}' --json
  $ mcp-mtls call --config .mcp.json --server files read_text_file path=notes.txt

key=value gets its type from the schema of the tool and is checked before the call: days=3 becomes a number,
tag=a tag=b a list, address.city=Paris goes into an object. key:=JSON is taken as it is, a word that begins with { is
all arguments as JSON, - reads them from stdin, @FILE from a file.

Progress and log lines go to stderr. A tool that has a question asks it on the terminal. Ctrl-C cancels the call.
${serverHelp}`

export function build(io: Io): Command {
  const command = new Command('call')
    .description('Calls a tool of an MCP server over mutual TLS')
    .usage('URL TOOL [JSON|key=value…] [options]')
    .argument('[words...]', 'the URL of the server (none with --server), the tool, its arguments')
    .addOption(rootOption())
  addServerOptions(command).addHelpText('after', help)
  return command.action(async (words: readonly string[], flags: CallFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(words, flags, settings, io)
  })
}
