import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { numberArgument } from '../../options/arguments.js'
import { addDirectoryOptions } from '../../options/directories.js'
import { resolveSettings } from '../../options/settings.js'
import { warnOfClock } from '../../terminal/clock-warning.js'
import type { RenewFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls cert-renew
  $ mcp-mtls cert-renew --cert-dir parties/agent-7 --ca-dir ./ca \\
      --exec "rsync -aL --delay-updates --exclude='.*' parties/agent-7/ agent-7:certs/"
  $ mcp-mtls cert-renew --daemon --exec 'nginx -s reload'

Issues anew what has passed two thirds of its life, with the same names and usage and a new key, all of it at once; what
the CA before a rotation issued, too; signs the revocation list anew at half its life; brings ca.crt and ca.crl up
to date with the CA. Running servers and clients take all of it up by themselves.

--exec runs when something changed, with RENEWED_CERT_DIR and RENEWED_FILES (one path per line) in its environment.
--daemon looks again when the next thing is due, at least every hour, and after a failure from half a minute on.`

export function build(io: Io): Command {
  const command = new Command('cert-renew')
    .description('Issues anew what is due: certificates and the revocation list')
    .argument('[path]', 'a directory, or the file of one certificate (default: the certificate directory)')
    .option('--all', 'whether due or not')
    .option('--reuse-key', 'certify the keys of before instead of new ones')
    .option('--days <number>', 'how long they are valid (default: as long as before)', numberArgument)
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--daemon', 'go on for ever')
    .option('--exec <command>', 'run a shell command after something changed')
    .option('--json', 'what was done as JSON; one object for each look that changed something with --daemon')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (path: string | undefined, flags: RenewFlags) => {
    const { daemon, all, dryRun } = flags
    if (daemon && (all || dryRun)) command.error(`--daemon does not go with ${all ? '--all' : '--dry-run'}`)
    warnOfClock(io)
    const settings = await resolveSettings(command, io)
    const { run } = await import('./run.js')
    await run(path, flags, settings, io)
  })
}
