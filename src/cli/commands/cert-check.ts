import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { fileNames, isLoopback, parseDuration, type Settings } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { checkCodes, checkFiles, readTrust } from '../../pki/index.js'
import { type CheckedEndpoint, checkEndpoint } from '../../probe/check-endpoint.js'
import { checkedJson, checkedLines, exitCodeOf, summaryLine } from '../check-report.js'
import { watchChecks } from '../check-watch.js'
import type { Io } from '../io.js'
import { printable, shownPath, writeJson, writeLines } from '../output.js'
import { type Paint, painter } from '../paint.js'
import { addSettingOptions, resolveSettings } from '../settings.js'
import { untilSignal } from '../until-signal.js'

interface Flags {
  readonly caDir?: string
  readonly within: number
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
    .option('--within <days>', 'warn of what ends within so many days', days, 30)
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
    const targets = targetsOf(what, flags, settings, io)
    try {
      await run(targets, flags, settings, io)
    } catch (error) {
      io.exitCode = 2 // 1 would say that all is well for some days
      throw error
    }
  })
}

function days(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It is not a number of days.')
  return Number(text)
}

function interval(text: string): number {
  const found = text === 'true' ? 60_000 : parseDuration(text)
  if (!found || found > 2 ** 31 - 1)
    throw new InvalidArgumentError('Allowed are durations such as 30s and 5m.')
  return found
}

interface Targets {
  readonly paths: readonly string[]
  readonly urls: readonly URL[]
}

/** What was named, or everything that the settings name. Throws `CONFIG_INVALID`. */
function targetsOf(what: readonly string[], { caDir }: Flags, { tls }: Settings, { cwd }: Io): Targets {
  const isUrl = (text: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const named = what.length > 0
  const { certDir, caCert, crl, serverCert, serverKey, clientCert, clientKey } = tls
  const usual = [certDir, caDir, caCert, crl, serverCert, serverKey, clientCert, clientKey]
  const paths = named ? what.filter((text) => !isUrl(text)) : usual.filter((path) => path !== undefined)
  return {
    paths: [...new Set(paths.map((path) => resolve(cwd, path)))],
    urls: what.filter(isUrl).map((text) => endpointOf(text, tls)),
  }
}

function endpointOf(text: string, { demoMode, demoAllowRemote }: Settings['tls']): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:')
    throw new MtlsError('CONFIG_INVALID', `${text}: a live server is named as https://HOST:PORT`)
  if (demoMode && !demoAllowRemote && !isLoopback(url.hostname))
    throw new MtlsError('CONFIG_INVALID', `${text}: demo mode connects to loopback only`)
  return url
}

async function run(targets: Targets, flags: Flags, settings: Settings, io: Io): Promise<void> {
  const paint = painter(io)
  if (flags.watch === undefined) {
    const all = await checkAll(targets, flags, settings, io)
    io.exitCode = exitCodeOf(all)
    return write(all, all, flags, io, paint)
  }
  const { signal, stop } = untilSignal()
  let before: ReadonlyMap<string, string> | undefined
  await watchChecks({
    paths: targets.paths,
    intervalMs: flags.watch,
    signal,
    check: () => checkAll(targets, flags, settings, io),
    report: (all) => {
      io.exitCode = exitCodeOf(all)
      const now = fingerprints(all)
      const changed = all.filter(({ path }) => before?.get(path) !== now.get(path))
      const gone = [...(before?.keys() ?? [])].filter((path) => !now.has(path))
      if (before === undefined || changed.length + gone.length > 0) write(all, changed, flags, io, paint)
      if (!flags.json)
        writeLines(
          io.stdout,
          gone.map((path) => `gone: ${printable(shownPath(path, io))}`),
        )
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

function write(
  all: readonly CheckedEndpoint[],
  shown: readonly CheckedEndpoint[],
  { json, within }: Flags,
  io: Io,
  paint: Paint,
): void {
  const now = new Date()
  if (json)
    return writeJson(io, {
      healthy: exitCodeOf(all) === 0,
      certificates: shown.map((checked) => checkedJson(checked, now)),
    })
  writeLines(io.stdout, [...checkedLines(shown, { now, io, paint }), summaryLine(all, within, paint)])
}

async function checkAll(
  { paths, urls }: Targets,
  { caDir, within }: Flags,
  { tls, limits }: Settings,
  { cwd }: Io,
): Promise<readonly CheckedEndpoint[]> {
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path))
  const directories = [resolve(cwd, tls.certDir), ...(caDir === undefined ? [] : [resolve(cwd, caDir)])]
  const judging = {
    withinDays: within,
    demoMode: tls.demoMode,
    crlMissingAllowed: tls.crlMissing === 'allow',
    passphrase: tls.keyPassphrase,
  }
  const sources = { caCert: at(tls.caCert), crl: at(tls.crl), directories }
  const files = await checkFiles(paths, { ...judging, ...sources })
  if (urls.length === 0) return files
  const [trust, identity] = await Promise.all([
    readTrust(sources),
    ownIdentity(tls, directories[0] ?? '', cwd),
  ])
  const endpoints = urls.map((url) =>
    checkEndpoint(url, {
      ...judging,
      identity,
      trust,
      minVersion: tls.minVersion,
      timeoutMs: limits.handshakeTimeout,
    }),
  )
  return [...files, ...(await Promise.all(endpoints))]
}

/** Our client certificate, when there is one: some servers show themselves to nobody without. */
async function ownIdentity(
  { clientCert, clientKey, keyPassphrase }: Settings['tls'],
  certDir: string,
  cwd: string,
) {
  const [certPath, keyPath] = [
    resolve(cwd, clientCert ?? resolve(certDir, fileNames.clientCert)),
    resolve(cwd, clientKey ?? resolve(certDir, fileNames.clientKey)),
  ]
  if (clientCert === undefined && clientKey === undefined && !existsSync(certPath)) return undefined
  try {
    const [cert, key] = await Promise.all([readFile(certPath, 'utf8'), readFile(keyPath, 'utf8')])
    return { cert, key, passphrase: keyPassphrase }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new MtlsError(
      'CERT_NOT_FOUND',
      `the client certificate ${certPath} or its key cannot be read (${code})`,
      { cause },
    )
  }
}
