export {
  type Authority,
  createAuthority,
  type Issued,
  type IssueOptions,
  issue,
  openAuthorities,
  openAuthority,
  type ReissueOptions,
  reissue,
  selfSigned,
} from './authority.js'
export {
  type AddCertificateOptions,
  addCertificate,
  type CertificateSetOptions,
  makeCertificateSet,
} from './certificate-set.js'
export { type CheckOptions, check } from './check.js'
export { type Checked, type CheckFilesOptions, checkFiles } from './check-files.js'
export {
  type CrlOptions,
  createCrl,
  type Revocation,
  type RevocationReason,
  revocationReasons,
} from './crl.js'
export { inspect } from './inspect.js'
export { IssuedIndex, type RecordedRevocation } from './issued.js'
export type { KeyType, PemSource } from './key.js'
export { type IssuedEntry, type IssuedList, type IssuedStatus, type ListOptions, listIssued } from './list.js'
export type { CertificateEntry, CertificateOptions, CertificateSet } from './order.js'
export { checkCodes, isWarning, type Problem, type ProblemCode, problem } from './problem.js'
export type { CaOptions } from './registry.js'
export {
  type Renewable,
  type Renewal,
  type RenewalReason,
  type RenewOptions,
  renewCertificates,
} from './renew.js'
export type { AuthorityOptions, CertificateRequest, LeafType, SubjectOptions } from './request.js'
export { type Revoked, type RevokeOptions, revokeCertificate } from './revoke.js'
export {
  type FinishOptions,
  finishRotation,
  type RotateOptions,
  type Rotation,
  rotateAuthority,
} from './rotate.js'
export { dueAt, isDue, listDueAt, nextCheck, nextRetry } from './schedule.js'
export { CertificateStore } from './store.js'
export type { StoredFile, StoredFiles } from './stored-file.js'
export { readTrust, type Trust, type TrustOptions } from './trust.js'
