import { type CheckFinding, isWarning } from '../pki/check/check-finding.js'
import type { Level } from './snapshot.js'

/** The level of a certificate with these findings. */
export function levelOfFindings(findings: readonly CheckFinding[]): Level {
  if (findings.length === 0) return 'ok'
  return findings.every(isWarning) ? 'warning' : 'critical'
}
