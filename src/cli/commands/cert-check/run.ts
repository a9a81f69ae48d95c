import type { Settings } from '../../../config/index.js'
import type { CheckedEndpoint } from '../../../probe/connect/check-endpoint.js'
import { exitCodeOfLevel } from '../../exit-codes.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { type Paint, painter } from '../../terminal/paint.js'
import { checkedJson, checkedLines, levelOfAll, summaryLine } from './report.js'
import { checkTargets, targetsOf } from './targets.js'
import { watchChecks } from './watch.js'

export interface CheckFlags {
  readonly caDir?: string
  readonly within?: number
  readonly serverId?: readonly string[]
  readonly watch?: number
  readonly json?: boolean
}

export async function run(
  what: readonly string[],
  flags: CheckFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const targets = targetsOf(what, flags.caDir, settings, io)
  const check = () => checkTargets(targets, flags, settings, io)
  const report = (findings: Findings) => {
    io.exitCode = exitCodeOfLevel(levelOfAll(findings.all))
    write(findings, flags, io, painter(io))
  }
  if (flags.watch === undefined) {
    const all = await check()
    return report({ all, changed: all })
  }
  const { paths } = targets
  const intervalMs = flags.watch
  let before: ReadonlyMap<string, string> | undefined
  const reportChange = (all: readonly CheckedEndpoint[]) => {
    const now = fingerprints(all)
    const changed = all.filter(({ path }) => before?.get(path) !== now.get(path))
    const gone = [...(before?.keys() ?? [])].filter((path) => !now.has(path))
    if (before === undefined) report({ all, changed })
    else if (changed.length + gone.length > 0) report({ all, changed, gone })
    before = now
  }
  await untilSignal(io, (signal) => watchChecks({ paths, intervalMs, signal, check, report: reportChange }))
}

/** What is reported for each path, except the days left, which change daily. */
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
  /** Paths that no longer exist. Undefined the first time: only later results need a timestamp. */
  readonly gone?: readonly string[]
}

function write({ all, changed, gone }: Findings, { json, within }: CheckFlags, io: Io, paint: Paint): void {
  const now = new Date()
  if (json)
    return writeJson(io, {
      healthy: levelOfAll(all) === 'ok',
      certificates: changed.map((checked) => checkedJson(checked, now)),
    })
  writeLines(io.stdout, [
    ...(gone ? ['', now.toISOString()] : []),
    ...checkedLines(changed, { now, io, paint }),
    ...(gone ?? []).map((path) => `gone: ${printable(shownPath(path, io))}`),
    summaryLine(all, within, paint),
  ])
}
