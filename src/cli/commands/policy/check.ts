import { resolve } from 'node:path'
import type { Settings } from '../../../config/index.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeJson, writeLines } from '../../io/output.js'
import { counted } from './counted.js'
import { placed, policyReading, writeWarnings } from './files.js'

export interface CheckFlags {
  readonly json?: boolean
}

export async function checkPolicy(
  file: string,
  flags: CheckFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const reading = await policyReading(file, settings, io)
  const problems = reading.ok ? [] : reading.problems
  if (!reading.ok) io.exitCode = 1
  else writeWarnings(file, reading.warnings, io)
  if (flags.json) return writeJson(io, { ok: reading.ok, problems })
  const name = printable(shownPath(resolve(io.cwd, file), io))
  if (reading.ok) {
    const { mode, rules } = reading.policy
    return writeLines(io.stdout, [`${name}: no problems, ${counted(rules.length, 'rule')}, mode ${mode}`])
  }
  writeLines(io.stdout, [
    ...problems.flatMap((problem) => [placed(file, problem, io), `    hint: ${printable(problem.hint)}`]),
    counted(problems.length, 'problem'),
  ])
}
