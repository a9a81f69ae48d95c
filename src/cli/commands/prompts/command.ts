import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { addServerOptions, type ServerFlags, serverHelp } from '../../mcp/options.js'
import { resolveSettings } from '../../options/settings.js'

const help = `
Examples:
  $ mcp-mtls prompts https://localhost:8443/mcp
  $ mcp-mtls prompts https://localhost:8443/mcp review language=TypeScript

Without a name it lists the prompts. All arguments of a prompt are text.
${serverHelp}`

export function build(io: Io): Command {
  const command = new Command('prompts')
    .description('Lists the prompts of an MCP server, or gets one')
    .usage('URL [NAME] [key=value…] [options]')
    .argument('[words...]', 'the URL of the server (none with --server), the prompt, its arguments')
  addServerOptions(command).addHelpText('after', help)
  return command.action(async (words: readonly string[], flags: ServerFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(words, flags, settings, io)
  })
}
