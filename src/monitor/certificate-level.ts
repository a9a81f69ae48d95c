import { type CheckFinding, isWarning } from '../pki/check/check-finding.js'
import type { Level } from './snapshot.js'

/** How bad a certificate is with these findings. */
export function levelOfFindings(findings: readonly CheckFinding[]): Level {
  if (findings.length === 0) return 'ok'
  return findings.every(isWarning) ? 'warning' : 'critical'
}
