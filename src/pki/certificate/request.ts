import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { MtlsError } from '../../errors.js'
import { type KeyType, keyTypes, rsaKeySizes } from './key.js'
import { parseSubjectName, type SubjectName } from './subject-name.js'

/** What a CA and a leaf have in common. */
export interface SubjectOptions {
  /** Organization in the subject, 1 to 64 characters; none by default. */
  readonly organization?: string | undefined
  /** Country in the subject, two letters of ISO 3166; none by default. */
  readonly country?: string | undefined
  /** Life in days, more than 0 and at most 3650; 3650 for a CA and 365 for others by default. */
  readonly validityDays?: number | undefined
  /** Type of the key; `ec-p256` by default. */
  readonly keyType?: KeyType | undefined
  /** Bits of an RSA key: 2048 (default), 3072 or 4096. Other types have a fixed size. */
  readonly keySize?: number | undefined
}

/** A CA that is asked for. */
export interface AuthorityOptions extends SubjectOptions {
  /** Its name, at most 64 characters; `mcp-mtls CA` and six random digits by default. */
  readonly commonName?: string | undefined
}

export type LeafType = 'server' | 'client'

/** A certificate for one use that is asked for. */
export interface CertificateRequest extends SubjectOptions {
  /** What it is for. */
  readonly type: LeafType
  /** A host name or any other name of at most 64 characters; a host name of a server becomes a SAN too. */
  readonly commonName: string
  /** More names: `dns:…`, `ip:…`, `email:…`, `uri:…`, or without the prefix where the form is clear; none by default. */
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

/** A CA that is asked for, its name decided. */
export interface AuthorityRequest extends SubjectOptions {
  readonly type: 'ca'
  readonly commonName: string
}

/** A request for a CA, with a name of its own: two CAs of one name are a trap for verifiers. */
export function authorityRequest(options: AuthorityOptions): AuthorityRequest {
  const commonName = options.commonName ?? `mcp-mtls CA ${randomBytes(3).toString('hex')}`
  return { ...options, type: 'ca', commonName }
}

/** Checks a request; throws `CONFIG_INVALID` that lists every problem of it. */
export function parseRequest(request: CertificateRequest | AuthorityRequest): Specification {
  const { specification, problems } = examine(request)
  refuse(problems)
  return specification
}

/** Checks requests; throws one `CONFIG_INVALID` that lists every problem of all of them, and those found before. */
export function parseRequests(
  requests: readonly (CertificateRequest | AuthorityRequest)[],
  foundBefore: readonly string[] = [],
): readonly Specification[] {
  const parsed = requests.map(examine)
  refuse([...foundBefore, ...parsed.flatMap(({ problems }) => problems)])
  return parsed.map(({ specification }) => specification)
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0)
    throw new MtlsError('CONFIG_INVALID', `cannot make certificates: ${[...new Set(problems)].join('; ')}`)
}

function examine(request: CertificateRequest | AuthorityRequest): {
  specification: Specification
  problems: string[]
} {
  const problems: string[] = []
  const expect = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem)
  }
  const { type, commonName, organization, country, keyType = 'ec-p256', keySize } = request
  const validityDays = request.validityDays ?? defaultValidityDays[type]
  expect(
    Object.hasOwn(defaultValidityDays, type),
    `type: ${JSON.stringify(type)}: allowed are server, client`,
  )
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
  const texts = ('subjectAltNames' in request && request.subjectAltNames) || []
  expect(areTexts(texts), 'subjectAltNames: expected a list of texts')
  for (const text of areTexts(texts) ? texts : []) {
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
    country: country && String(country).toUpperCase(), // callers in JavaScript have no types
    validityDays,
    keyType,
    keySize: keySize ?? rsaKeySizes[0],
    names,
  })
  return { specification, problems }
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
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
