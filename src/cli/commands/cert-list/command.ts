import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { withinOption } from '../../options/arguments.js'
import { addDirectoryOptions } from '../../options/directories.js'
import { resolveSettings } from '../../options/settings.js'
import type { ListFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls cert-list
  $ mcp-mtls cert-list --ca-dir ./ca --json

Lists what the CA of a directory has issued, the oldest first: valid, expiring, expired, replaced by a
newer one, revoked, or untrusted (its CA was dropped). The key of the CA is not needed.`

export function build(io: Io): Command {
  const command = new Command('cert-list')
    .description('Lists what a CA has issued')
    .argument('[directory]', 'of the CA (default: --ca-dir, or the certificate directory)')
    .addOption(withinOption())
    .option('--json', 'as JSON')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (directory: string | undefined, flags: ListFlags) => {
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(directory, flags, settings, io)
  })
}
