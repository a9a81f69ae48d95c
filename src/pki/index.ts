export { errorCodes, MtlsError, type MtlsErrorCode, type MtlsErrorOptions } from '../errors.js'
export type { CertificateFacts } from '../x509/certificate.js'
export type { CrlFacts, RevokedCertificates, RevokedEntry } from '../x509/crl.js'
export type { CrlScope } from '../x509/crl-scope.js'
export type { KeyAlgorithm, KeyFacts } from '../x509/key-facts.js'
export type { NameConstraints, Subtree } from '../x509/name-constraints.js'
export type { SubjectNames } from '../x509/subject-names.js'
export { openAuthority } from './certificate/authority.js'
export {
  type Authority,
  createAuthority,
  type Issued,
  type IssueOptions,
  issue,
  type ReissueOptions,
  reissue,
  selfSigned,
} from './certificate/certificate.js'
export {
  type CrlOptions,
  createCrl,
  type Revocation,
} from './certificate/crl.js'
export type { KeyType, PemSource } from './certificate/key.js'
export type { AuthorityOptions, CertificateRequest, LeafType, SubjectOptions } from './certificate/request.js'
export { type RevocationReason, revocationReasons } from './certificate/revocation-reasons.js'
export { type CheckOptions, check } from './check/check.js'
export { type Checked, type CheckFilesOptions, checkFiles } from './check/check-files.js'
export type { CheckCode, CheckFinding } from './check/check-finding.js'
export { inspect } from './check/inspect.js'
export {
  type AddCertificateOptions,
  addCertificate,
  type CertificateEntry,
  type CertificateOptions,
  type CertificateSet,
  type CertificateSetOptions,
  makeCertificateSet,
} from './directory/certificate-set.js'
export {
  type IssuedEntry,
  type IssuedList,
  type IssuedStatus,
  type ListOptions,
  listIssued,
} from './directory/list.js'
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
export type { CaOptions } from './directory/stores.js'
