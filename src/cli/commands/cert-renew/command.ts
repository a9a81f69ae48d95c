import { statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { MtlsError } from '../../../errors.js'
import { type CaOptions, type Renewal, type RenewOptions, renewCertificates } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/until-signal.js'
import {
  addDirectoryOptions,
  directoriesOf,
  directoryFlags,
  numberArgument,
} from '../../options/certificate-options.js'
import { warnOfClock } from '../../terminal/clock-warning.js'
import { runAfterRenewal } from './after-renewal.js'
import { keepRenewing } from './daemon.js'
import { reportRenewal } from './report.js'

interface Flags {
  readonly all?: boolean
  readonly reuseKey?: boolean
  readonly days?: number
  readonly dryRun?: boolean
  readonly daemon?: boolean
  readonly exec?: string
  readonly json?: boolean
}

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
--daemon looks again when the next thing is due, at least every hour, and after a failure from half a minute on.

Exit codes: 0 done (also when nothing is due, or the daemon was told to stop), 1 failed (or --exec did), 64 bad usage`

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
  return command.action(async (path: string | undefined, flags: Flags) => {
    const { all, reuseKey, days: validityDays, dryRun, daemon, exec, json = false } = flags
    if (daemon && (all || dryRun)) command.error(`--daemon does not go with ${all ? '--all' : '--dry-run'}`)
    warnOfClock(io)
    const place = placeOf(command, io, path)
    const options: RenewOptions = { ...place, all, reuseKey, validityDays, dryRun }
    const report = (renewal: Renewal) =>
      reportRenewal(renewal, io, { json, dryRun: dryRun ?? false, flags: directoryFlags(place, io) })
    const after = (renewal: Renewal, files: readonly string[], signal?: AbortSignal) =>
      exec === undefined || files.length === 0
        ? undefined
        : runAfterRenewal(exec, { certDir: renewal.certDir, files }, io, signal)
    if (daemon) return renewForEver(options, report, after, io)

    const renewal = await renewCertificates(options)
    report(renewal)
    const failure = await after(renewal, renewal.changed)
    if (failure === undefined) return
    io.exitCode = 1
    writeLines(io.stderr, [
      `error: ${failure}`,
      'hint: What was renewed stays renewed; run the command by hand.',
    ])
  })
}

async function renewForEver(
  options: RenewOptions,
  report: (renewal: Renewal) => void,
  after: (
    renewal: Renewal,
    files: readonly string[],
    signal: AbortSignal,
  ) => Promise<string | undefined> | undefined,
  io: Io,
): Promise<void> {
  const { signal, stop } = untilSignal(io)
  io.isService = true
  // What the command has not been told yet: it is run again when it fails.
  const untold = new Set<string>()
  let isFirst = true
  const pass = async () => {
    const renewal = await renewCertificates(options)
    if (isFirst || renewal.changed.length > 0) report(renewal)
    isFirst = false
    for (const path of renewal.changed) untold.add(path)
    const failure = await after(renewal, [...untold], signal)
    if (failure !== undefined) throw new Error(failure)
    untold.clear()
    return renewal.nextDue
  }
  const failed = (error: unknown, retryMs: number) => {
    const { code, hint } = error instanceof MtlsError ? error : { code: undefined, hint: undefined }
    const message = error instanceof Error ? error.message : String(error)
    writeLines(io.stderr, [
      `error: ${code === undefined ? '' : `${code}: `}${message}`,
      ...(hint === undefined ? [] : [`hint: ${hint}`]),
      `trying again in ${Math.round(retryMs / 1000)} s`,
    ])
  }
  try {
    await keepRenewing({ pass, failed, signal })
  } finally {
    stop()
  }
}

function placeOf(command: Command, io: Io, path: string | undefined): CaOptions & { name?: string } {
  if (path === undefined) return directoriesOf(command, io)
  const absolute = resolve(io.cwd, path)
  const found = statSync(absolute, { throwIfNoEntry: false })
  if (!found) throw new MtlsError('CERT_NOT_FOUND', `${absolute} is not there`)
  if (found.isDirectory()) return directoriesOf(command, io, path)
  return { ...directoriesOf(command, io, dirname(absolute)), name: basename(absolute, '.crt') }
}
