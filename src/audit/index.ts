export { type Audit, type AuditOptions, openAudit } from './audit.js'
export type { AuditProblem, ProblemCode } from './chain-check.js'
export { withoutRecord } from './files-of-record.js'
export type { CallEnd, CallStart, Decision, Outcome } from './line.js'
export type { AuditHealth, AuditNews } from './news.js'
export { queueBound } from './queue.js'
export type { ReadOptions } from './read-lines.js'
export {
  type CheckpointEvery,
  defaultCheckpoint,
  defaultMaxBytes,
  defaultOnFailure,
  parseSince,
} from './settings.js'
export { type AuditFilter, type ShownLine, type ShowOptions, showAudit } from './show.js'
export { usualSecrets } from './shown-arguments.js'
export type { AuditSubscriber } from './streams.js'
export { type AuditSummary, type CallerSummary, summarizeAudit } from './summary.js'
export { type AuditVerification, type VerifyOptions, verificationNotes, verifyAudit } from './verify.js'
