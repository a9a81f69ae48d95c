import { Command, InvalidArgumentError } from 'commander'
import { parseDuration, type Settings } from '../../../config/index.js'
import { checkCodes } from '../../../pki/check/check-finding.js'
import type { CheckedEndpoint } from '../../../probe/connect/check-endpoint.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/until-signal.js'
import { numberArgument, withinHelp } from '../../options/certificate-options.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { type Paint, painter } from '../../terminal/paint.js'
import { checkedJson, checkedLines, exitCodeOf, summaryLine } from './report.js'
import { checkTargets, type Targets, targetsOf } from './targets.js'
import { watchChecks } from './watch.js'

interface Flags {
  readonly caDir?: string
  readonly within?: number
  readonly watch?: number
  readonly json?: boolean
}

const help = `
Examples:
  $ mcp-mtls cert-check
  $ mcp-mtls cert-check server.crt server.key --ca-cert ca.crt --within 14
  $ mcp-mtls cert-check https://weather.example.org:8443 --json
  $ mcp-mtls cert-check --watch 5m

Takes files (certificates, chains, keys, revocation lists; PEM or DER), directories, and URLs of live servers; the
certificate directory when nothing is named. Judges validity, days left, chain, key, usage, names, strength,
revocation by the ca.crl beside ca.crt, and file modes. Of a live server it judges what one handshake shows.

Problem codes are those of docs/errors.md and these:
${Object.entries(checkCodes)
  .map(([code, hint]) => `  ${code.padEnd(17)} ${hint}`)
  .join('\n')}

Exit codes: 0 healthy, 1 something ends within the window, 2 something is broken or has expired, 64 bad usage`

export function build(io: Io): Command {
  const command = new Command('cert-check')
    .description('Says what is wrong with certificates: files, directories, live servers')
    .argument('[what...]', 'files, directories, https:// URLs (default: the certificate directory)')
    .option('--ca-dir <path>', 'where the key of the CA is kept (default: the certificate directory)')
    .option('--within <days>', withinHelp, numberArgument)
    .option(
      '--watch [interval]',
      'go on: check again when files change, and at the interval (default: 1m)',
      interval,
    )
    .option('--json', 'say it as JSON')
    .addHelpText('after', help)
  addSettingOptions(
    command,
    ...(['certDir', 'caCert', 'serverCert', 'serverKey', 'clientCert', 'clientKey'] as const),
    ...(['keyPassphrase', 'crl', 'crlMissing', 'demoMode', 'demoAllowRemote', 'minVersion'] as const),
    'handshakeTimeout',
  )
  return command.action(async (what: readonly string[], flags: Flags) => {
    const settings = resolveSettings(command, io)
    const targets = targetsOf(what, flags.caDir, settings, io)
    try {
      await run(targets, flags, settings, io)
    } catch (error) {
      io.exitCode = 2 // 1 would say that all is well for some days
      throw error
    }
  })
}

function interval(text: string): number {
  const found = text === 'true' ? 60_000 : parseDuration(text)
  if (!found || found > 2 ** 31 - 1)
    throw new InvalidArgumentError('Allowed are durations such as 30s and 5m.')
  return found
}

async function run(targets: Targets, flags: Flags, settings: Settings, io: Io): Promise<void> {
  const paint = painter(io)
  if (flags.watch === undefined) {
    const all = await checkTargets(targets, flags, settings, io)
    io.exitCode = exitCodeOf(all)
    return write({ all, changed: all }, flags, io, paint)
  }
  const { signal, stop } = untilSignal(io)
  let before: ReadonlyMap<string, string> | undefined
  await watchChecks({
    paths: targets.paths,
    intervalMs: flags.watch,
    signal,
    check: () => checkTargets(targets, flags, settings, io),
    report: (all) => {
      io.exitCode = exitCodeOf(all)
      const now = fingerprints(all)
      const changed = all.filter(({ path }) => before?.get(path) !== now.get(path))
      const gone = [...(before?.keys() ?? [])].filter((path) => !now.has(path))
      if (before === undefined) write({ all, changed }, flags, io, paint)
      else if (changed.length + gone.length > 0) write({ all, changed, gone }, flags, io, paint)
      before = now
    },
  })
  stop()
}

/** What there is to say about each path, but for the days that go by by themselves. */
function fingerprints(all: readonly CheckedEndpoint[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const checked of all) {
    const text = JSON.stringify({ ...checkedJson(checked, new Date(0)), days_left: undefined })
    found.set(checked.path, (found.get(checked.path) ?? '') + text)
  }
  return found
}

interface Findings {
  readonly all: readonly CheckedEndpoint[]
  /** What to print of it. */
  readonly changed: readonly CheckedEndpoint[]
  /** Paths that are no more. Undefined the first time: only what comes later needs its time. */
  readonly gone?: readonly string[]
}

function write({ all, changed, gone }: Findings, { json, within }: Flags, io: Io, paint: Paint): void {
  const now = new Date()
  if (json)
    return writeJson(io, {
      healthy: exitCodeOf(all) === 0,
      certificates: changed.map((checked) => checkedJson(checked, now)),
    })
  writeLines(io.stdout, [
    ...(gone ? ['', now.toISOString()] : []),
    ...checkedLines(changed, { now, io, paint }),
    ...(gone ?? []).map((path) => `gone: ${printable(shownPath(path, io))}`),
    summaryLine(all, within, paint),
  ])
}
