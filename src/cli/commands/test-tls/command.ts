import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import {
  proxyVariables,
  type ServerName,
  type Settings,
  serverNames,
  serverUrlProblem,
  withMcpPath,
} from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { readTrust } from '../../../pki/check/trust.js'
import { type Authority, openAuthority } from '../../../pki/index.js'
import { audit } from '../../../probe/audit/audit.js'
import { diagnose } from '../../../probe/diagnose/diagnose.js'
import { type Step, Steps, stepCodes, title } from '../../../probe/diagnose/steps.js'
import type { Io } from '../../io/io.js'
import { printable, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/until-signal.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { type Paint, painter } from '../../terminal/paint.js'

interface Flags {
  readonly server?: ServerName
  readonly serverName?: string
  readonly caDir?: string
  readonly audit?: boolean
  readonly json?: boolean
}

const interrupted = 130

const help = `
Examples:
  $ mcp-mtls test-tls --server weather
  $ mcp-mtls test-tls https://mcp.example.org:8443/mcp --json
  $ mcp-mtls test-tls --server weather --audit

Goes step by step, from the name of the server to one call of a tool that only reads, and says of each step what was
found, or what failed, which side refused, and what to do. It shows our client certificate and judges the server
as \`ask\` does. Any MCP server over HTTPS can be tested.

--audit makes certificates in memory that must open nothing, and tries each, old versions, weak suites, plain HTTP,
sessions of strangers, renegotiation, and a handshake that stands still. With the key of the CA it can also make
good ones that have expired or are for another use. It takes up to 8 seconds. The server's log will tell of it.

Codes are those of docs/errors.md and these:
${Object.entries(stepCodes)
  .map(([code, hint]) => `  ${code.padEnd(21)} ${hint}`)
  .join('\n')}

Exit codes: 0 every step went well, 1 one did not, 64 bad usage, 130 interrupted`

export function build(io: Io): Command {
  const command = new Command('test-tls')
    .description('Says step by step whether a server can be called over mutual TLS, and if not, why')
    .argument('[url]', 'where MCP is, https://HOST:PORT/mcp')
    .addOption(
      new Option('--server <name>', 'one of our servers, at its URL from the settings').choices(serverNames),
    )
    .option('--server-name <name>', 'the name the certificate must have, instead of the host of the URL')
    .option('--audit', 'also try what the server must refuse: old versions, weak suites, strangers …')
    .option(
      '--ca-dir <path>',
      'where the key of the CA is, for certificates that --audit makes (default: the certificate directory)',
    )
    .option('--json', 'say it as JSON')
    .addHelpText('after', help)
  addSettingOptions(
    command,
    ...(['certDir', 'caCert', 'clientCert', 'clientKey', 'keyPassphrase', 'crl', 'crlMissing'] as const),
    ...(['demoMode', 'demoAllowRemote', 'minVersion', 'handshakeTimeout', 'timeout'] as const),
    ...(['weatherUrl', 'datetimeUrl', 'echoUrl'] as const),
    ...(['weatherMcpTlsPort', 'datetimeMcpTlsPort', 'echoMcpTlsPort'] as const),
  )
  return command.action((url: string | undefined, flags: Flags) => run(command, url, flags, io))
}

async function run(command: Command, named: string | undefined, flags: Flags, io: Io): Promise<void> {
  const settings = resolveSettings(command, io)
  const url = urlOf(named, flags.server, settings)
  const { tls, timeoutMs, limits } = settings
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(io.cwd, path))
  const trust = await readTrust({
    caCert: at(tls.caCert),
    crl: at(tls.crl),
    directories: [resolve(io.cwd, tls.certDir)],
  })
  const proxies = proxyVariables(io.env)
  if (proxies.length > 0)
    writeLines(io.stderr, [
      `note: ${proxies.join(' and ')} ${proxies.length > 1 ? 'are' : 'is'} set and not used: mcp-mtls connects to servers directly`,
    ])
  const { signal, stop } = untilSignal(io)
  const paint = painter(io)
  if (!flags.json) writeLines(io.stdout, [paint('bold', url.href)])
  const steps = new Steps(
    (step) => flags.json || writeLines(io.stdout, stepLines(step, widthOf(flags), paint)),
    signal,
  )
  try {
    const baseline = await diagnose(
      {
        url,
        tls,
        trust,
        serverName: flags.serverName,
        timeoutMs,
        handshakeTimeoutMs: limits.handshakeTimeout,
        signal,
      },
      steps,
    )
    if (flags.audit) await audit(baseline, { authority: await authorityOf(flags, settings, io) }, steps)
    if (flags.json) writeJson(io, resultJson(url, steps))
    else writeLines(io.stdout, summaryLines(steps, paint))
    io.exitCode = steps.ok ? 0 : 1
  } catch (error) {
    if (!signal.aborted) throw error
    io.exitCode = interrupted
  } finally {
    stop()
  }
}

/** Throws `CONFIG_INVALID`. */
function urlOf(named: string | undefined, server: ServerName | undefined, settings: Settings): URL {
  if ((named === undefined) === (server === undefined))
    throw new MtlsError('CONFIG_INVALID', 'name a server: either its URL, or --server', {
      hint: `Type \`mcp-mtls test-tls --server ${serverNames[0]}\`, or a URL such as https://localhost:8443/mcp.`,
    })
  const text = withMcpPath(named ?? (server ? settings.servers[server].url : ''))
  const { demoMode, demoAllowRemote = false } = settings.tls
  const problem = serverUrlProblem(text, { tls: true, demoMode, demoAllowRemote })
  if (problem) throw new MtlsError('CONFIG_INVALID', problem)
  return new URL(text)
}

/** The CA of the server, where its key can be read. */
async function authorityOf({ caDir }: Flags, { tls }: Settings, { cwd }: Io): Promise<Authority | undefined> {
  const directory = resolve(cwd, caDir ?? tls.certDir)
  const source = async (name: string) => {
    const path = join(directory, name)
    return { path, text: await readFile(path, 'utf8') }
  }
  try {
    return openAuthority(await source('ca.crt'), await source('ca.key'), tls.keyPassphrase)
  } catch (error) {
    if (caDir === undefined) return undefined
    throw error instanceof MtlsError
      ? error
      : new MtlsError('CERT_NOT_FOUND', `the CA in ${directory} cannot be read`, { cause: error })
  }
}

function resultJson(url: URL, { ok, all }: Steps) {
  return {
    ok,
    url: url.href,
    steps: all.map(({ durationMs, ...step }) => ({ ...step, duration_ms: durationMs })),
  }
}

/** Of the longest name there will be. */
const widthOf = ({ audit }: Flags) => (audit ? 'refuses resumed strangers' : 'client certificate').length

/** A step that could not run is part of the last line. */
function stepLines({ name, ok, detail, code, hint }: Step, width: number, paint: Paint): string[] {
  if (code === 'NOT_RUN') return []
  const mark = ok ? paint('green', '✓') : paint('red', '✗')
  const line = `${mark} ${title(name).padEnd(width)}  ${printable(detail)}`
  return ok ? [line] : [line, `    ${code}`, `    hint: ${printable(hint ?? '')}`]
}

function summaryLines({ ok, all }: Steps, paint: Paint): string[] {
  const audited = all.some(({ name }) => name.startsWith('refuses'))
  if (ok)
    return [
      paint('green', `mutual TLS works, both ways${audited ? ', and refuses what it must refuse' : ''}`),
    ]
  const names = (steps: readonly Step[]) => steps.map(({ name }) => title(name)).join(', ')
  const notRun = all.filter(({ code }) => code === 'NOT_RUN')
  const failed = all.filter((step) => !step.ok && !notRun.includes(step))
  return [
    ...(notRun.length > 0 ? [paint('dim', `- not run: ${names(notRun)}`)] : []),
    paint('red', `failed: ${names(failed)}`),
  ]
}
