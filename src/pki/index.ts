export {
  type Authority,
  createAuthority,
  type Issued,
  type IssueOptions,
  issue,
  openAuthority,
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
export { inspect } from './inspect.js'
export { IssuedIndex } from './issued.js'
export type { KeyType, PemSource } from './key.js'
export type { CertificateEntry, CertificateOptions, CertificateSet } from './order.js'
export { checkCodes, isWarning, type Problem, type ProblemCode, problem } from './problem.js'
export type { AuthorityOptions, CertificateRequest, LeafType, SubjectOptions } from './request.js'
export { CertificateStore, type StoredFile, type StoredFiles } from './store.js'
export { readTrust, type Trust, type TrustOptions } from './trust.js'
