export {
  type Authority,
  createAuthority,
  type Issued,
  type IssueOptions,
  issue,
  openAuthority,
  type PemSource,
  selfSigned,
} from './authority.js'
export {
  type AddCertificateOptions,
  addCertificate,
  type CertificateSetOptions,
  makeCertificateSet,
} from './certificate-set.js'
export { type CheckOptions, check, type Problem } from './check.js'
export { inspect } from './inspect.js'
export { IssuedIndex } from './issued.js'
export type { KeyType } from './key.js'
export type { CertificateEntry, CertificateOptions, CertificateSet } from './order.js'
export type { AuthorityOptions, CertificateRequest, LeafType, SubjectOptions } from './request.js'
export { CertificateStore, type StoredFile, type StoredFiles } from './store.js'
