import { isIP } from 'node:net'
import { MtlsError } from '../../errors.js'
import { type KeyType, keyTypes, rsaKeySizes } from './key.js'
import { parseSubjectName, type SubjectName } from './subject-name.js'

/** What a CA and a leaf have in common. */
export interface SubjectOptions {
  readonly organization?: string | undefined
  /** Two letters, ISO 3166. */
  readonly country?: string | undefined
  /** More than 0, at most 3650. */
  readonly validityDays?: number | undefined
  /** `ec-p256` by default. */
  readonly keyType?: KeyType | undefined
  /** RSA only: 2048 (default), 3072 or 4096. */
  readonly keySize?: number | undefined
}

export interface AuthorityOptions extends SubjectOptions {
  /** `mcp-mtls CA` and six random digits by default: two CAs of one name are a trap for verifiers. */
  readonly commonName?: string | undefined
}

export type LeafType = 'server' | 'client'

export interface CertificateRequest extends SubjectOptions {
  readonly type: LeafType
  /** A host name or any other name of at most 64 characters; a host name of a server becomes a SAN too. */
  readonly commonName: string
  /** `dns:…`, `ip:…`, `email:…`, `uri:…`, or without the prefix where the form is clear. */
  readonly subjectAltNames?: readonly string[] | undefined
}

/** A request that was checked: everything decided, nothing optional but what may be absent. */
export interface Specification {
  readonly type: LeafType | 'ca'
  readonly commonName: string
  readonly organization: string | undefined
  readonly country: string | undefined
  readonly validityDays: number
  readonly keyType: KeyType
  readonly keySize: number
  readonly names: readonly SubjectName[]
}

export const defaultValidityDays = { ca: 3650, server: 365, client: 365 } as const
const longestValidityDays = 3650

export type Request = CertificateRequest | ({ type: 'ca'; commonName: string } & SubjectOptions)

/** Checks requests; throws one `CONFIG_INVALID` that lists every problem of all of them, and those found before. */
export function parseRequests<const Requests extends readonly Request[]>(
  requests: Requests,
  foundBefore: readonly string[] = [],
): { [Index in keyof Requests]: Specification } {
  const parsed = requests.map(examine)
  const problems = new Set([...foundBefore, ...parsed.flatMap(({ problems }) => problems)])
  if (problems.size > 0)
    throw new MtlsError('CONFIG_INVALID', `cannot make certificates: ${[...problems].join('; ')}`)
  return parsed.map(({ specification }) => specification) as { [Index in keyof Requests]: Specification }
}

function examine(request: Request): { specification: Specification; problems: string[] } {
  const problems: string[] = []
  const expect = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem)
  }
  const { type, commonName, organization, country, keyType = 'ec-p256', keySize } = request
  const validityDays = request.validityDays ?? defaultValidityDays[type]
  expect(type in defaultValidityDays, `type: ${JSON.stringify(type)}: allowed are server, client`)
  expect(isText(commonName), 'commonName: wanted are 1 to 64 printable characters')
  expect(
    organization === undefined || isText(organization),
    'organization: wanted are 1 to 64 printable characters',
  )
  expect(
    country === undefined || /^[a-z]{2}$/i.test(country),
    `country: ${JSON.stringify(country)} is not a code of two letters, such as DE or NP`,
  )
  expect(
    validityDays > 0 && validityDays <= longestValidityDays,
    `validityDays: ${validityDays} is not more than 0 and at most ${longestValidityDays}`,
  )
  expect(
    keyTypes.includes(keyType),
    `keyType: ${JSON.stringify(keyType)}: allowed are ${keyTypes.join(', ')}`,
  )
  if (keyType === 'rsa')
    expect(
      keySize === undefined || rsaKeySizes.some((size) => size === keySize),
      `keySize: ${keySize}: allowed for rsa are ${rsaKeySizes.join(', ')}`,
    )
  else expect(keySize === undefined, `keySize: only rsa has one, ${keyType} has a fixed size`)

  const names: SubjectName[] = type === 'server' ? ownName(commonName) : []
  for (const text of ('subjectAltNames' in request && request.subjectAltNames) || []) {
    const name = parseSubjectName(text)
    if ('problem' in name) problems.push(`subjectAltNames: ${name.problem}`)
    else if (!names.some(({ kind, value }) => kind === name.kind && value === name.value)) names.push(name)
  }
  expect(
    names.filter(({ kind, value }) => kind === 'uri' && value.startsWith('spiffe:')).length <= 1,
    'subjectAltNames: a certificate has one SPIFFE ID at most',
  )
  const specification: Specification = Object.freeze({
    type,
    commonName,
    organization,
    country: country?.toUpperCase(),
    validityDays,
    keyType,
    keySize: keySize ?? rsaKeySizes[0],
    names,
  })
  return { specification, problems }
}

/** The common name never counts (RFC 9525), so a server's own host name must stand among the SANs. */
function ownName(commonName: string): SubjectName[] {
  const name = parseSubjectName(`${isIP(commonName) ? 'ip' : 'dns'}:${commonName}`)
  return 'problem' in name ? [] : [name]
}

/** RFC 5280 appendix A.1: ub-common-name and ub-organization-name are 64. */
function isText(text: string): boolean {
  return typeof text === 'string' && /^(?=\S)[^\p{C}]{1,64}(?<=\S)$/u.test(text)
}
