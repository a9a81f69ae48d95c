import { type Command, Option } from 'commander'
import { repeatedArgument, serverIdOption } from '../options/arguments.js'
import { clientSettings } from '../options/client-settings.js'
import { addSettingOptions } from '../options/settings.js'

/** Which server is called, and how. */
export interface ServerFlags {
  readonly config?: string
  readonly server?: string
  readonly serverName?: string
  readonly serverId?: readonly string[]
  readonly header?: readonly string[]
  readonly json?: boolean
}

/** For commands that talk to one MCP server. */
export function addServerOptions(command: Command): Command {
  command
    .option('--server <name>', 'instead of a URL: a server of --config, or weather, datetime, echo')
    .option('--config <file>', 'take the server from a JSON file of an MCP client (mcpServers, servers)')
    .option('--server-name <name>', 'the name the certificate must have, instead of the host of the URL')
    .addOption(serverIdOption())
    .addOption(
      new Option('--header <name: value>', 'send this header, too; again for more').argParser(
        repeatedArgument,
      ),
    )
    .option('--json', "print the protocol's result as JSON")
  return addSettingOptions(command, ...clientSettings, 'weatherUrl', 'datetimeUrl', 'echoUrl')
}

/** `--root DIR`, for servers that ask where they may work. */
export function rootOption(): Option {
  return new Option(
    '--root <dir>',
    'a folder the server is told of when it asks (roots); again for more',
  ).argParser(repeatedArgument)
}

/** What all of them say below their options. */
export const serverHelp = `The server is a URL, https://HOST:PORT/mcp, or --server NAME. Certificates come from --cert-dir (default ./certs), those of an entry of
--config from its "tls" object: ca, cert, key, passphrase, serverName, serverId. docs/calling.md has more.`
