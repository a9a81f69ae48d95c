import { statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { type CaOptions, type Renewal, type RenewOptions, renewCertificates } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { writeLines } from '../../io/output.js'
import { runShell } from '../../io/shell.js'
import { untilSignal } from '../../io/signals.js'
import { type DirectoryFlags, directoriesOf } from '../../options/directories.js'
import { keepRenewing } from './daemon.js'
import { reportRenewal } from './report.js'

export interface RenewFlags extends DirectoryFlags {
  readonly all?: boolean
  readonly reuseKey?: boolean
  readonly days?: number
  readonly dryRun?: boolean
  readonly daemon?: boolean
  readonly exec?: string
  readonly json?: boolean
}

/** What to do with a renewal. */
interface Followers {
  report(renewal: Renewal): void
  /** Runs the `--exec` command for these files; returns what went wrong, undefined if nothing did. */
  execute(renewal: Renewal, files: readonly string[], signal?: AbortSignal): Promise<string | undefined>
}

export async function run(
  path: string | undefined,
  flags: RenewFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const { all, reuseKey, days: validityDays, dryRun = false, daemon, exec, json = false } = flags
  const place = placeOf(path, flags, settings, io)
  const options: RenewOptions = { ...place, all, reuseKey, validityDays, dryRun }
  const report = (renewal: Renewal) => reportRenewal(renewal, io, { json, dryRun, place })
  const execute: Followers['execute'] = async ({ certDir }, files, signal) => {
    if (exec === undefined || files.length === 0) return undefined
    const variables = { RENEWED_CERT_DIR: certDir, RENEWED_FILES: files.join('\n') }
    const failure = await runShell(exec, variables, io, signal)
    return failure && `the command after the renewal failed: ${failure}: ${exec}`
  }
  if (daemon) return renewForEver(options, { report, execute }, io)

  const renewal = await renewCertificates(options)
  report(renewal)
  const failure = await execute(renewal, renewal.changed)
  if (failure === undefined) return
  io.exitCode = 1
  writeLines(io.stderr, [
    `error: ${failure}`,
    'hint: What was renewed stays renewed; run the command by hand.',
  ])
}

async function renewForEver(options: RenewOptions, { report, execute }: Followers, io: Io): Promise<void> {
  io.isService = true
  // Changes the command has not processed yet: it runs again after a failure.
  const untold = new Set<string>()
  let isFirst = true
  const pass = async (signal: AbortSignal) => {
    const renewal = await renewCertificates(options)
    if (isFirst || renewal.changed.length > 0) report(renewal)
    isFirst = false
    for (const path of renewal.changed) untold.add(path)
    const failure = await execute(renewal, [...untold], signal)
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
  await untilSignal(io, (signal) => keepRenewing({ pass: () => pass(signal), failed, signal }))
}

function placeOf(
  path: string | undefined,
  flags: RenewFlags,
  settings: Settings,
  io: Io,
): CaOptions & { name?: string } {
  if (path === undefined) return directoriesOf(settings, flags, io)
  const absolute = resolve(io.cwd, path)
  const found = statSync(absolute, { throwIfNoEntry: false })
  if (!found) throw new MtlsError('CERT_NOT_FOUND', `${absolute} is not there`)
  if (found.isDirectory()) return directoriesOf(settings, flags, io, path)
  return { ...directoriesOf(settings, flags, io, dirname(absolute)), name: basename(absolute, '.crt') }
}
