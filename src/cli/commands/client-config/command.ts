import { Command, Option } from 'commander'
import { clientNames } from '../../../desktop/clients.js'
import type { Io } from '../../io/io.js'
import { repeatedArgument, serverIdOption } from '../../options/arguments.js'
import { addSettingOptions } from '../../options/settings.js'
import { bridgeSettings, type ClientConfigFlags } from './flags.js'

const help = `
Examples:
  $ mcp-mtls client-config https://mcp.example.org:8443/mcp --client cursor
  $ mcp-mtls client-config https://mcp.example.org:8443/mcp --client claude-desktop --install --test
  $ mcp-mtls client-config --client claude-desktop --name mcp --uninstall
  $ mcp-mtls client-config --list
  $ mcp-mtls client-config https://mcp.example.org:8443/mcp --mcpb example.mcpb

Prints what a desktop client needs to start \`mcp-mtls bridge\`, in the client's own format; with --install it is put into the client's
file. Several URLs become one server. All paths in it are absolute. Comments, formatting and everything else in the file stay as they
are, and the previous version is kept beside it (FILE.mcp-mtls.bak). A passphrase is never written: name its file with
--key-passphrase-file.

Clients: ${wrapped(clientNames)}`

/** Words on lines of a help text. */
function wrapped(words: readonly string[]): string {
  const lines = ['']
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`.trimStart()
    if (line.length > 100) lines.push(word)
    else lines[lines.length - 1] = line
  }
  return lines.join('\n  ')
}

export function build(io: Io): Command {
  const command = new Command('client-config')
    .description(
      'Connects desktop clients, which have no field for a client certificate, to servers over mutual TLS',
    )
    .argument('[url...]', 'where the servers are, https://HOST:PORT/mcp')
    .addOption(
      new Option('--client <name>', 'the client; again for more (default: print what most take)').argParser(
        repeatedArgument,
      ),
    )
    .option('--name <name>', 'what the server is called in the client (default: from its URL)')
    .addOption(
      new Option('--scope <scope>', "the user's file, or that of the project in this directory")
        .choices(['user', 'project'])
        .default('user'),
    )
    .addOption(
      new Option('--install', "put it into the client's file").conflicts(['uninstall', 'list', 'mcpb']),
    )
    .addOption(new Option('--uninstall', 'take it out again').conflicts(['test', 'list', 'mcpb']))
    .addOption(
      new Option('--test', 'start the server as it is installed, and list its tools').conflicts([
        'list',
        'mcpb',
      ]),
    )
    .addOption(new Option('--list', 'which clients are here, and what is installed').conflicts('mcpb'))
    .option(
      '--mcpb <file>',
      'make a bundle that Claude Desktop and others install by a click, with file pickers for the certificate',
    )
    .addOption(serverIdOption())
    .addOption(
      new Option('--header <header>', "a header of each request, 'Name: value'; again for more").argParser(
        repeatedArgument,
      ),
    )
    .option('--config <file>', 'servers of a mcpServers file, beside URLs or instead of them')
    .option('--log-file <file>', 'where the bridge writes its log')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
  addSettingOptions(command, ...bridgeSettings)
  return command.action(async (urls: readonly string[], flags: ClientConfigFlags) => {
    const { run } = await import('./run.js')
    await run(urls, flags, command, io)
  })
}
