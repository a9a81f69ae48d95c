import { isWarning, type Problem } from '../pki/check/finding.js'
import type { Level } from './snapshot.js'

/** How bad a certificate is with these problems. */
export function levelOfProblems(problems: readonly Problem[]): Level {
  if (problems.length === 0) return 'ok'
  return problems.every(isWarning) ? 'warning' : 'critical'
}
