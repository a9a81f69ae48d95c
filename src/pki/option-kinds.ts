import { KeyObject, X509Certificate } from 'node:crypto'
import { isTrustDomain } from '../text/spiffe.js'
import type { CertificateFacts } from '../x509/certificate.js'
import type { CrlFacts } from '../x509/crl.js'
import { isObject, type Kind } from './require-options.js'

const isText = (value: unknown) => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

export const text: Kind = { words: 'a text', fits: isText }
export const texts: Kind = listOf('texts', isText)
/** An empty one would be the working directory. */
export const path: Kind = { words: 'a path, not empty', fits: (value) => isText(value) && value !== '' }
export const paths: Kind = listOf('paths, none empty', path.fits)
export const trustDomains: Kind = {
  words: "paths by trust domain: { 'example.org': 'ca-a.crt' }",
  fits: (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([domain, files]) => isTrustDomain(domain) && (path.fits(files) || paths.fits(files)),
    ),
}
export const trustDomain: Kind = {
  words: 'a trust domain: example.org',
  fits: (value) => isText(value) && isTrustDomain(String(value)),
}
export const flag: Kind = { words: 'true or false', fits: (value) => typeof value === 'boolean' }
/** One that is no moment compares with none: what ended would count as not begun. */
export const moment: Kind = {
  words: 'a valid Date',
  fits: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
}
export const daysOrNone: Kind = {
  words: 'a number of days, 0 or more',
  fits: (value) => isNumber(value) && value >= 0,
}
export const facts: Kind = { words: 'the facts of a certificate (see inspect)', fits: isFacts }
export const factsList: Kind = listOf('facts of certificates (see inspect)', isFacts)
export const crl: Kind = { words: 'the facts of a revocation list (see createCrl)', fits: isCrl }
export const crls: Kind = listOf('facts of revocation lists (see createCrl)', isCrl)
export const predicate: Kind = { words: 'a function', fits: (value) => typeof value === 'function' }
export const privateKey: Kind = {
  words: 'a private key, PEM or KeyObject',
  fits: (value) => isText(value) || (value instanceof KeyObject && value.type === 'private'),
}
/** Judged with the rest of its request, so that every problem of it is told at once. */
export const ofRequest: Kind = { words: 'what the request says', fits: () => true }

export function days(most: number): Kind {
  return {
    words: `a number of days, more than 0 and at most ${most}`,
    fits: (value) => isNumber(value) && value > 0 && value <= most,
  }
}

export function oneOf(...values: readonly string[]): Kind {
  return { words: `one of ${values.join(', ')}`, fits: (value) => values.some((one) => one === value) }
}

export function required(kind: Kind): Kind {
  return { ...kind, isRequired: true }
}

export function isFacts(value: unknown): value is CertificateFacts {
  return isObject(value) && (value as Partial<CertificateFacts>).x509 instanceof X509Certificate
}

export function isCrl(value: unknown): value is CrlFacts {
  if (!isObject(value)) return false
  const { revoked, isSignedBy } = value as Partial<CrlFacts>
  return typeof isSignedBy === 'function' && isObject(revoked) && Symbol.iterator in revoked
}

function listOf(what: string, fits: Kind['fits']): Kind {
  return { words: `a list of ${what}`, fits: (value) => Array.isArray(value) && [...value].every(fits) }
}
