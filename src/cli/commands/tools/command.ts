import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { addServerOptions, type ServerFlags, serverHelp } from '../../mcp/options.js'
import { resolveSettings } from '../../options/settings.js'

const help = `
Examples:
  $ mcp-mtls tools https://localhost:8443/mcp
  $ mcp-mtls tools --server weather --json

A server may list only what this certificate may use.
${serverHelp}`

export function build(io: Io): Command {
  const command = new Command('tools')
    .description('Lists the tools of an MCP server, and what they take')
    .usage('URL [options]')
    .argument('[url]', 'where MCP is, https://HOST:PORT/mcp (none with --server)')
  addServerOptions(command).addHelpText('after', help)
  return command.action(async (url: string | undefined, flags: ServerFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(url === undefined ? [] : [url], flags, settings, io)
  })
}
