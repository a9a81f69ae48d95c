import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../../config/duration.js'
import type { Io } from '../../io/io.js'
import { repeatedArgument, serverIdOption } from '../../options/arguments.js'
import { clientSettings } from '../../options/client-settings.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { BridgeFlags } from './run.js'

export function build(io: Io): Command {
  const command = new Command('bridge')
    .description(
      'Is a local MCP server (stdio) that is a remote one over mutual TLS, for clients without certificates',
    )
    .argument('[url...]', 'where MCP is, https://HOST:PORT/mcp; several servers appear as one')
    .option(
      '--config <file>',
      'take servers from a JSON file of an MCP client (mcpServers, servers), beside URLs or instead of them',
    )
    .addOption(
      new Option('--server <name>', 'of --config only this one; again for more').argParser(repeatedArgument),
    )
    .option('--server-name <name>', 'the name the certificate must have, instead of the host of the URL')
    .addOption(serverIdOption())
    .addOption(
      new Option(
        '--header <header>',
        'sent with each request, "NAME: VALUE"; again for more. Several servers have theirs in --config',
      ).argParser(repeatedArgument),
    )
    .option(
      '--listen <host:port>',
      'serve HTTP on loopback instead of stdin and stdout, for clients that only know URLs',
    )
    .option('--origin <url>', 'with --listen: the one origin whose web pages may call it')
    .option('--log-file <path>', 'write what happens to this file, a JSON object per line (default: stderr)')
    .option(
      '--initialize-within <duration>',
      'how long the first answer waits for the server, whose name, instructions and capabilities it has',
      withinArgument,
      250,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls bridge https://mcp.example.org:8443/mcp
  $ mcp-mtls bridge https://localhost:8443/mcp https://localhost:8444/mcp --cert-dir /etc/mcp --log-file bridge.log
  $ mcp-mtls bridge --config servers.json
  $ mcp-mtls bridge https://mcp.example.org:8443/mcp --listen 127.0.0.1:8090

A client starts it and speaks to it on stdin and stdout, which carry MCP alone. It ends with its client. While the
server cannot be reached, calls are answered with the reason. Tools and prompts of several servers keep their names; where two have the
same one, the name of the server stands before it.

With --listen it prints a URL that is new each time. Whoever has it calls the servers with your certificate: keep it to yourself.`,
    )
    .action(async (urls: readonly string[], flags: BridgeFlags) => {
      const settings = await resolveSettings(command, io)
      const { run } = await import('./run.js')
      await run(urls, flags, settings, io)
    })
  return addSettingOptions(command, ...clientSettings)
}

function withinArgument(text: string): number {
  const found = parseDuration(text)
  if (found === undefined || found > 60_000)
    throw new InvalidArgumentError('Allowed are durations up to 60s.')
  return found
}
