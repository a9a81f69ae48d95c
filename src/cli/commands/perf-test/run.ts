import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  packageVersion,
  type Settings,
  serverIdsIn,
  serverUrlProblem,
  withMcpPath,
} from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import type { GivenServers, OwnServers } from '../../../perf/load/target.js'
import { perfTest } from '../../../perf/perf-test.js'
import { urlIn } from '../../../text/url.js'
import type { Io } from '../../io/io.js'
import { shownPath, writeJson, writeLines } from '../../io/output.js'
import { withScratchFolder } from '../../io/scratch-folder.js'
import { untilSignal } from '../../io/signals.js'
import { painter } from '../../terminal/paint.js'
import { progressBar } from '../../terminal/progress.js'
import { perfJson, perfLines } from './report.js'
import { ReportFile } from './report-file.js'

export interface PerfFlags {
  readonly httpUrl?: string
  readonly mtlsUrl?: string
  readonly serverId?: readonly string[]
  readonly duration?: number
  readonly concurrency: readonly number[]
  readonly quick?: boolean
  readonly report?: string
  readonly force?: boolean
  readonly json?: boolean
}

const usual = { durationMs: 28_000, idleConnections: 1000 }
const quick = { durationMs: 5000, idleConnections: 200 }

export async function run(flags: PerfFlags, settings: Settings, io: Io): Promise<void> {
  await withScratchFolder('perf', async (directory) => {
    await using report = await begin(flags, io)
    await untilSignal(io, (signal) => measure(flags, settings, { directory, report, signal }, io))
  })
}

interface Measuring {
  /** For temporary files of the measurement. */
  readonly directory: string
  readonly report: ReportFile | undefined
  readonly signal: AbortSignal
}

async function measure(
  flags: PerfFlags,
  settings: Settings,
  { directory, report, signal }: Measuring,
  io: Io,
): Promise<void> {
  const { durationMs, idleConnections } = flags.quick ? quick : usual
  const bar = progressBar(io)
  const result = await perfTest({
    version: packageVersion,
    servers: given(flags, settings) ?? own(directory),
    durationMs: flags.duration ?? durationMs,
    concurrencies: flags.concurrency,
    idleConnections,
    signal,
    progress: bar.update,
  }).finally(bar.clear)
  if (flags.json) writeJson(io, perfJson(result))
  else writeLines(io.stdout, perfLines(result, painter(io)))
  if (report && flags.report !== undefined) {
    const { perfPage } = await import('../../../perf/page/page.js')
    await report.finish(await perfPage(result))
    writeLines(io.stderr, [`report: ${shownPath(resolve(io.cwd, flags.report), io)}`])
  }
}

async function begin({ report, force = false }: PerfFlags, { cwd }: Io): Promise<ReportFile | undefined> {
  return report === undefined ? undefined : ReportFile.begin(resolve(cwd, report), { force })
}

function own(directory: string): OwnServers {
  const program = fileURLToPath(new URL('../../../bundle/mcp-mtls.js', import.meta.url))
  return { kind: 'own', program, certDir: join(directory, 'certs') }
}

function given({ httpUrl, mtlsUrl, serverId }: PerfFlags, { tls }: Settings): GivenServers | undefined {
  if (mtlsUrl === undefined) return undefined
  if (tls.demoMode)
    throw new MtlsError('CONFIG_INVALID', 'perf-test measures strict mode, and demo mode is on', {
      hint: 'Give it certificates that verify: `mcp-mtls cert-gen`.',
    })
  return {
    kind: 'given',
    httpUrl: httpUrl === undefined ? undefined : urlOf('--http-url', httpUrl, 'http:'),
    mtlsUrl: urlOf('--mtls-url', mtlsUrl, 'https:'),
    serverIds: serverIdsIn(serverId),
    tls,
  }
}

/** Throws `CONFIG_INVALID`. */
function urlOf(flag: string, typed: string, protocol: 'http:' | 'https:'): URL {
  const text = withMcpPath(typed)
  const tls = protocol === 'https:'
  const isOfOther = urlIn(text)?.protocol === (tls ? 'http:' : 'https:')
  const problem = isOfOther
    ? `allowed are ${protocol}// URLs`
    : serverUrlProblem(text, { tls, demoMode: false, demoAllowRemote: false })
  if (problem !== undefined) throw new MtlsError('CONFIG_INVALID', `${flag}: ${problem}`)
  return new URL(text)
}
