import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import {
  packageVersion,
  parseDuration,
  type Settings,
  serverUrlProblem,
  settingsOf,
  withMcpPath,
} from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import type { GivenServers, OwnServers } from '../../../perf/load/target.js'
import { perfPage } from '../../../perf/page/page.js'
import { perfTest } from '../../../perf/perf-test.js'
import type { Io } from '../../io/io.js'
import { shownPath, writeJson, writeLines } from '../../io/output.js'
import { withScratchFolder } from '../../io/scratch-folder.js'
import { untilSignal } from '../../io/until-signal.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { painter } from '../../terminal/paint.js'
import { progressBar } from '../../terminal/progress.js'
import { perfJson } from './json.js'
import { perfLines } from './report.js'
import { ReportFile } from './report-file.js'

interface PerfFlags {
  readonly httpUrl?: string
  readonly mtlsUrl?: string
  readonly duration?: number
  readonly concurrency: readonly number[]
  readonly quick?: boolean
  readonly report?: string
  readonly force?: boolean
  readonly json?: boolean
}

const usual = { durationMs: 28_000, idleConnections: 1000 }
const quick = { durationMs: 5000, idleConnections: 200 }

export function build(io: Io): Command {
  const command = new Command('perf-test')
    .description('Measures what mTLS costs: the same calls over HTTP and over mTLS, in turns')
    .option('--mtls-url <url>', 'measure this server instead of own ones')
    .option('--http-url <url>', 'the same server without TLS, on loopback')
    .option('--duration <time>', 'time for connections and calls together (default 28s)', durationOf)
    .option('--concurrency <n,n,…>', 'calls in flight, each measured for itself', concurrencies, [1, 4, 16])
    .option('--quick', 'about ten seconds in all, for a first impression')
    .option('--report <file>', 'write a page with plots, one HTML file')
    .option('--force', 'replace a report that is there')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls perf-test
  $ mcp-mtls perf-test --quick --report cost.html
  $ mcp-mtls perf-test --mtls-url https://mcp.example.com:8443/mcp --cert-dir ./certs --concurrency 1,8

Without URLs it starts servers of its own, with certificates in a temporary folder, and leaves nothing behind.
A server that is given gets thousands of calls: of its tool "echo", else of one that only reads and asks for no
arguments, else tools/list. Its CPU and memory are not known. The load comes from this machine and
this one process: what is measured is the cost of a call, not the most a server can do.

Exit codes: 0 measured, whatever came out, 1 failed, 64 bad usage, 130 interrupted`,
    )
    .action(async (flags: PerfFlags) => {
      if (flags.httpUrl !== undefined && flags.mtlsUrl === undefined)
        command.error('error: --http-url needs --mtls-url beside it')
      const settings = resolveSettings(command, io)
      await withScratchFolder('perf', (directory) => run(settings, flags, directory, io))
    })
  return addSettingOptions(command, ...settingsOf('tls'))
}

async function run(settings: Settings, flags: PerfFlags, directory: string, io: Io): Promise<void> {
  await using report = await begin(flags, io)
  const interrupted = untilSignal(io)
  const bar = progressBar(io)
  try {
    const { durationMs, idleConnections } = flags.quick ? quick : usual
    const result = await perfTest({
      version: packageVersion,
      servers: given(flags, settings) ?? own(directory),
      durationMs: flags.duration ?? durationMs,
      concurrencies: flags.concurrency,
      idleConnections,
      signal: interrupted.signal,
      progress: bar.update,
    })
    bar.clear()
    if (flags.json) writeJson(io, perfJson(result))
    else writeLines(io.stdout, perfLines(result, painter(io)))
    if (report && flags.report !== undefined) {
      await report.finish(await perfPage(result))
      writeLines(io.stderr, [`report: ${shownPath(resolve(io.cwd, flags.report), io)}`])
    }
  } catch (error) {
    bar.clear()
    if (!interrupted.signal.aborted) throw error
    io.exitCode = 130
  } finally {
    interrupted.stop()
  }
}

async function begin({ report, force = false }: PerfFlags, { cwd }: Io): Promise<ReportFile | undefined> {
  return report === undefined ? undefined : ReportFile.begin(resolve(cwd, report), { force })
}

function own(directory: string): OwnServers {
  const program = fileURLToPath(new URL('../../bin.js', import.meta.url))
  return { kind: 'own', program, certDir: join(directory, 'certs') }
}

function given({ httpUrl, mtlsUrl }: PerfFlags, { tls }: Settings): GivenServers | undefined {
  if (mtlsUrl === undefined) return undefined
  if (tls.demoMode)
    throw new MtlsError('CONFIG_INVALID', 'perf-test measures strict mode, and demo mode is on', {
      hint: 'Give it certificates that verify: `mcp-mtls cert-gen`.',
    })
  return {
    kind: 'given',
    httpUrl: httpUrl === undefined ? undefined : urlOf('--http-url', httpUrl, 'http:'),
    mtlsUrl: urlOf('--mtls-url', mtlsUrl, 'https:'),
    tls,
  }
}

/** Throws `CONFIG_INVALID`. */
function urlOf(flag: string, typed: string, protocol: 'http:' | 'https:'): URL {
  const text = withMcpPath(typed)
  const tls = protocol === 'https:'
  const isOfOther = URL.canParse(text) && new URL(text).protocol === (tls ? 'http:' : 'https:')
  const problem = isOfOther
    ? `allowed are ${protocol}// URLs`
    : serverUrlProblem(text, { tls, demoMode: false, demoAllowRemote: false })
  if (problem !== undefined) throw new MtlsError('CONFIG_INVALID', `${flag}: ${problem}`)
  return new URL(text)
}

function durationOf(text: string): number {
  const duration = parseDuration(text)
  if (duration !== undefined && duration >= 500 && duration <= 3_600_000) return duration
  throw new InvalidArgumentError('Allowed are durations from 500ms to 60m.')
}

const mostInFlight = 256

function concurrencies(text: string): number[] {
  const numbers = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN))
  if (numbers.every((number) => number >= 1 && number <= mostInFlight))
    return [...new Set(numbers)].sort((one, other) => one - other)
  throw new InvalidArgumentError(`Allowed are whole numbers from 1 to ${mostInFlight}, separated by commas.`)
}
