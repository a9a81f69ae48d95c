import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { numberArgument } from '../../options/arguments.js'
import { addDirectoryOptions } from '../../options/directories.js'
import { resolveSettings } from '../../options/settings.js'
import { warnOfClock } from '../../terminal/clock-warning.js'
import type { RotateFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls cert-rotate-ca                # 1. a new CA: ca.crt holds both, the new one issues
                                           # 2. copy ca.crt (and ca.crl) to every machine
  $ mcp-mtls cert-renew                    # 3. in each directory: certificates of the new CA
  $ mcp-mtls cert-rotate-ca --finish       # 4. ca.crt holds the new CA only; copy it once more
                                           #    the old CA's key is removed: copy ca.key before, to keep it

Run again before --finish it makes no third CA: it brings ca.crt and ca.crl of --cert-dir up to date. --finish
asks that everything the old CA issued, and that has not expired or been revoked, is issued anew.`

export function build(io: Io): Command {
  const command = new Command('cert-rotate-ca')
    .description('Changes to a new CA, with an overlap in which both are trusted')
    .option('--finish', 'end the overlap: drop the old CA')
    .option('--force', 'with --finish: whatever still comes from the old CA')
    .option('--key-type <type>', 'of the new CA: ec-p256, ec-p384, ed25519 or rsa (default: as before)')
    .option('--key-size <bits>', 'of rsa: 2048, 3072 or 4096', numberArgument)
    .option('--ca-days <number>', 'how long the new CA is valid (default: 3650)', numberArgument)
    .option('--organization <name>', 'organization of the new CA (default: as before)')
    .option('--country <code>', 'country of the new CA, two letters (default: as before)')
    .option('--json', 'what is trusted now as JSON')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (flags: RotateFlags) => {
    if (flags.force && !flags.finish) command.error('--force goes with --finish only')
    warnOfClock(io)
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(flags, settings, io)
  })
}
