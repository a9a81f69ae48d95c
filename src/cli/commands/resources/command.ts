import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { addServerOptions, serverHelp } from '../../mcp/options.js'
import { resolveSettings } from '../../options/settings.js'
import type { ResourcesFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls resources https://localhost:8443/mcp
  $ mcp-mtls resources https://localhost:8443/mcp file:///srv/logo.png --output logo.png

Without a URI it lists resources and templates; --json gives those of resources/list, and resourceTemplates beside them.
With one it shows the text, control characters escaped, and of bytes the type and the size; --output writes either as it
is, to a file or with - to a pipe.
${serverHelp}`

export function build(io: Io): Command {
  const command = new Command('resources')
    .description('Lists the resources of an MCP server, or reads one')
    .usage('URL [URI] [options]')
    .argument('[words...]', 'the URL of the server (none with --server), the URI of a resource')
    .option('--output <file>', 'write the content as it is to this file; - is standard output')
  addServerOptions(command).addHelpText('after', help)
  return command.action(async (words: readonly string[], flags: ResourcesFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(words, flags, settings, io)
  })
}
