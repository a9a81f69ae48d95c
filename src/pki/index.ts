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
} from './certificate/authority.js'
export { type CrlOptions, createCrl, type Revocation } from './certificate/crl.js'
export type { KeyType, PemSource } from './certificate/key.js'
export type { AuthorityOptions, CertificateRequest, LeafType, SubjectOptions } from './certificate/request.js'
export { type RevocationReason, revocationReasons } from './certificate/revocation-reasons.js'
export { type CheckOptions, check } from './check/check.js'
export { type Checked, type CheckFilesOptions, checkFiles } from './check/check-files.js'
export { checkCodes, isWarning, type Problem, type ProblemCode, problem } from './check/finding.js'
export { inspect } from './check/inspect.js'
export { readTrust, type Trust, type TrustOptions } from './check/trust.js'
export {
  type AddCertificateOptions,
  addCertificate,
  type CertificateSetOptions,
  makeCertificateSet,
} from './directory/certificate-set.js'
export { IssuedIndex, type RecordedRevocation } from './directory/issued-index.js'
export {
  type IssuedEntry,
  type IssuedList,
  type IssuedStatus,
  type ListOptions,
  listIssued,
} from './directory/list.js'
export type { CaOptions } from './directory/registry.js'
export {
  type Renewable,
  type Renewal,
  type RenewalReason,
  type RenewOptions,
  renewCertificates,
} from './directory/renew.js'
export { type Revoked, type RevokeOptions, revokeCertificate } from './directory/revoke.js'
export {
  type FinishOptions,
  finishRotation,
  type RotateOptions,
  type Rotation,
  rotateAuthority,
} from './directory/rotate.js'
export { dueAt, isDue, listDueAt, nextCheck, nextRetry } from './directory/schedule.js'
export type { CertificateEntry, CertificateOptions, CertificateSet } from './directory/set-request.js'
export { CertificateStore } from './store/store.js'
export type { StoredFile, StoredFiles } from './store/stored-file.js'
