export {
  type Authority,
  createAuthority,
  type Issued,
  type IssueOptions,
  issue,
  openAuthority,
  selfSigned,
} from './authority.js'
export type { KeyType } from './key.js'
export type { AuthorityOptions, CertificateRequest, LeafType, SubjectOptions } from './request.js'
