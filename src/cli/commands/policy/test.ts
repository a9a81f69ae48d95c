import { dirname, resolve } from 'node:path'
import {
  type CaseResult,
  type CasesResult,
  type PolicyProblem,
  problemText,
  runCases,
} from '../../../auth/policy/policy.js'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { readSmallText, wayToRead, whyUnreadable } from '../../../files/read-file.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeJson, writeLines } from '../../io/output.js'
import { marks, painter } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'
import { certificateIn, policyIn, vouchingOf } from './files.js'

export interface TestFlags {
  readonly json?: boolean
}

export async function testPolicy(
  file: string,
  cases: string,
  flags: TestFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const policy = await policyIn(file, settings, io)
  const path = resolve(io.cwd, cases)
  const run = await runCases(policy, textOf(path), {
    now: new Date(),
    ...(await vouchingOf([], settings)),
    certificate: (name) => certificateIn(resolve(dirname(path), name)),
  })
  if (!run.ok) throw unusable(shownPath(path, io), run.problems)
  if (run.result.failed > 0) io.exitCode = 1
  if (flags.json) writeJson(io, run.result)
  else writeLines(io.stdout, resultLines(run.result, io))
}

/** All that is wrong with a file of cases; each with its hint, where there are several. */
function unusable(file: string, problems: readonly PolicyProblem[]): MtlsError {
  const [{ hint } = {}, ...more] = problems
  const lines = problems.flatMap((problem) => [
    `  ${problemText(problem)}`,
    ...(more.length > 0 ? [`    hint: ${problem.hint}`] : []),
  ])
  return new MtlsError('CONFIG_INVALID', [`${file}:`, ...lines].join('\n'), {
    hint: more.length > 0 ? 'Correct these places; nothing was tried.' : (hint ?? ''),
  })
}

function textOf(path: string): string {
  try {
    return readSmallText(path)
  } catch (cause) {
    const hint = wayToRead(path, cause) ?? 'Name a file of cases; `mcp-mtls policy test --help` shows one.'
    throw new MtlsError('CONFIG_INVALID', `${path} ${whyUnreadable(cause)}`, { hint, cause })
  }
}

function resultLines({ passed, failed, cases }: CasesResult, io: Io): string[] {
  const paint = painter(io)
  const rows = cases.map((each) => [
    paint(...marks[each.ok ? 'ok' : 'critical']),
    `line ${each.line}`,
    printable(each.name),
    printable(outcome(each)),
  ])
  return [...table(rows), `${passed} passed, ${failed} failed`]
}

function outcome({ expect, decision, rule, reason, ok }: CaseResult): string {
  const got = `${decision} (${reason}${rule === null ? '' : `, by ${rule}`})`
  if (ok) return got
  return decision === expect ? `${got}, and another rule was expected` : `${got}, and ${expect} was expected`
}
