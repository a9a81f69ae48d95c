import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { idIn } from '../../auth/identity.js'
import { MtlsError } from '../../errors.js'
import type { SubjectNames } from '../../x509/subject-names.js'
import * as kind from '../option-kinds.js'
import type { OptionKinds } from '../require-options.js'
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

export const subjectKinds = {
  organization: kind.ofRequest,
  country: kind.ofRequest,
  validityDays: kind.ofRequest,
  keyType: kind.ofRequest,
  keySize: kind.ofRequest,
} satisfies OptionKinds<SubjectOptions>

/** A CA that is asked for. */
export interface AuthorityOptions extends SubjectOptions {
  /** Its name, at most 64 characters; `mcp-mtls CA` and six random digits by default. */
  readonly commonName?: string | undefined
  /** The trust domain that it speaks for, `example.org`: it may issue SPIFFE IDs of that domain alone; none by default. */
  readonly trustDomain?: string | undefined
}

export const authorityKinds = {
  ...subjectKinds,
  commonName: kind.ofRequest,
  trustDomain: kind.ofRequest,
} satisfies OptionKinds<AuthorityOptions>

export type LeafType = 'server' | 'client'

/** A certificate for one use that is asked for. */
export interface CertificateRequest extends SubjectOptions {
  /** What it is for. */
  readonly type: LeafType
  /** A host name or any other name of at most 64 characters; a host name of a server becomes a SAN too. */
  readonly commonName: string
  /** More names: `dns:…`, `ip:…`, `email:…`, `uri:…`, or without the prefix where the form is clear; none by default. */
  readonly subjectAltNames?: readonly string[] | undefined
  /**
   * `false` for a server without DNS name and IP address, which its clients ask for by its identity; true by default.
   */
  readonly hostNames?: boolean | undefined
}

export const requestKinds = {
  ...subjectKinds,
  type: kind.ofRequest,
  commonName: kind.ofRequest,
  subjectAltNames: kind.ofRequest,
  hostNames: kind.ofRequest,
} satisfies OptionKinds<CertificateRequest>

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

const leafTypes = ['server', 'client'] as const satisfies readonly LeafType[]
export const defaultValidityDays = { ca: 3650, server: 365, client: 365 } as const
export const longestValidityDays = 3650

/** A CA that is asked for, its name decided. */
interface AuthorityRequest extends SubjectOptions {
  readonly type: 'ca'
  readonly commonName: string
  readonly trustDomain?: string | undefined
}

/** A request for a CA, with a name of its own: two CAs of one name are a trap for verifiers. */
function authorityRequest(options: AuthorityOptions): AuthorityRequest {
  const { commonName = `mcp-mtls CA ${randomBytes(3).toString('hex')}` } = options
  return { ...options, type: 'ca', commonName }
}

/** Checks a request; throws `CONFIG_INVALID` that lists every problem of it. */
export function parseRequest(request: CertificateRequest): Specification {
  const { specification, problems } = examine(request, leafTypes)
  refuse(problems)
  return specification
}

/** The same for a CA. */
export function parseAuthority(options: AuthorityOptions): Specification {
  const { specification, problems } = examine(authorityRequest(options), ['ca'])
  refuse(problems)
  return specification
}

/** Checks requests; throws one `CONFIG_INVALID` that lists every problem of all of them, and those found before. */
export function parseRequests(
  requests: readonly CertificateRequest[],
  authority: AuthorityOptions,
  foundBefore: readonly string[] = [],
): { readonly leaves: readonly Specification[]; readonly ca: Specification } {
  const leaves = requests.map((request) => examine(request, leafTypes))
  const ca = examine(authorityRequest(authority), ['ca'])
  refuse([...foundBefore, ...[...leaves, ca].flatMap(({ problems }) => problems)])
  return { leaves: leaves.map(({ specification }) => specification), ca: ca.specification }
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0)
    throw new MtlsError('CONFIG_INVALID', `cannot make certificates: ${[...new Set(problems)].join('; ')}`)
}

function examine(
  request: CertificateRequest | AuthorityRequest,
  types: readonly string[],
): { specification: Specification; problems: string[] } {
  const problems: string[] = []
  const expect = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem)
  }
  const { type, commonName, organization, country, keyType = 'ec-p256', keySize } = request
  const { validityDays = defaultValidityDays[type] } = request
  expect(types.includes(type), `type: ${shown(type)}: allowed are ${types.join(', ')}`)
  expect(isText(commonName), 'commonName: wanted are 1 to 64 printable characters')
  expect(
    organization === undefined || isText(organization),
    'organization: wanted are 1 to 64 printable characters',
  )
  expect(
    country === undefined || (typeof country === 'string' && /^[a-z]{2}$/i.test(country)),
    `country: ${shown(country)} is not a code of two letters, such as DE or NP`,
  )
  expect(
    kind.days(longestValidityDays).fits(validityDays),
    `validityDays: ${shown(validityDays)} is not more than 0 and at most ${longestValidityDays}`,
  )
  expect(keyTypes.includes(keyType), `keyType: ${shown(keyType)}: allowed are ${keyTypes.join(', ')}`)
  if (keyType === 'rsa')
    expect(
      keySize === undefined || rsaKeySizes.some((size) => size === keySize),
      `keySize: ${shown(keySize)}: allowed for rsa are ${rsaKeySizes.join(', ')}`,
    )
  else
    expect(
      keySize === undefined,
      `keySize: only rsa has one, ${shown(keyType).replaceAll('"', '')} has a fixed size`,
    )

  const { hostNames = true } = 'hostNames' in request ? request : {}
  expect(typeof hostNames === 'boolean', `hostNames: ${shown(hostNames)}: allowed are true and false`)
  const names: SubjectName[] = type === 'server' && hostNames ? ownName(commonName) : []
  const { trustDomain } = 'trustDomain' in request ? request : {}
  if (trustDomain !== undefined) {
    const fine = kind.trustDomain.fits(trustDomain)
    expect(fine, `trustDomain: ${shown(trustDomain)} is not as in spiffe://example.org: lower case, no path`)
    if (fine) names.push({ kind: 'uri', value: `spiffe://${trustDomain}` })
  }
  const texts =
    'subjectAltNames' in request && request.subjectAltNames !== undefined ? request.subjectAltNames : []
  expect(areTexts(texts), 'subjectAltNames: expected a list of texts')
  for (const text of areTexts(texts) ? texts : []) {
    const name = parseSubjectName(text)
    if ('problem' in name) problems.push(`subjectAltNames: ${name.problem}`)
    else if (!names.some(({ kind, value }) => kind === name.kind && value === name.value)) names.push(name)
  }
  const hosts = names.filter((name) => name.kind === 'dns' || name.kind === 'ip')
  if (type === 'server' && !hostNames && hosts.length > 0)
    problems.push(`hostNames: false, and these are some: ${hosts.map(({ value }) => value).join(', ')}`)
  if (isText(commonName) && (type === 'server' || type === 'client')) {
    // A certificate from which no peer would read an identity is not made: each of ours asks the same function.
    const found = idIn({ names: byKind(names), commonName }, type)
    if ('problem' in found) {
      const wildcard = commonName.includes('*') ? ' (a wildcard is none: it stands for many)' : ''
      problems.push(`nobody would accept this ${type}: ${found.problem}${wildcard}`)
    }
  }
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

/** A value of whatever kind as a message shows it. */
function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function byKind(names: readonly SubjectName[]): SubjectNames {
  const of = (wanted: SubjectName['kind']) =>
    names.filter(({ kind }) => kind === wanted).map(({ value }) => value)
  return { dns: of('dns'), ip: of('ip'), email: of('email'), uri: of('uri') }
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
