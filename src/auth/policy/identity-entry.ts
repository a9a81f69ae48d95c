import { isSpiffeId } from '../../text/spiffe.js'
import { hasStar, type Pattern, type PatternKind, patternOf } from './pattern.js'
import { digestForm, dnsForm, emailForm, type PolicySubject, serialForm } from './subject.js'

/** The kinds of names that rules can ask for; a mapping in a rule has them as keys. */
export const identityKinds = [
  'spiffe',
  'dns',
  'cn',
  'email',
  'ou',
  'o',
  'issuer',
  'serial',
  'fingerprint',
  'spki',
  'ca',
] as const

export type IdentityKind = (typeof identityKinds)[number]

/** One name that a certificate must have. */
export interface IdentityPart {
  readonly kind: IdentityKind
  /** What follows the kind, in the form that is compared; of a SPIFFE ID the whole URI. */
  readonly value: string
  /** Where it has a star. */
  readonly pattern?: Pattern
}

/** One entry of `allow` or `deny`: names that one certificate must all have, or every verified peer. */
export type IdentityEntry = 'anyone' | readonly IdentityPart[]

export interface Complaint {
  readonly message: string
  readonly hint: string
}

export type Read<Value> = { readonly value: Value } | Complaint

const kindsHint =
  'Write spiffe://…, dns:, cn:, email:, ou:, o:, issuer:, serial:, fingerprint:sha256:, spki:sha256:, or anyone.'

/** Reads an entry that is one text. */
export function identityIn(text: string): Read<IdentityEntry> {
  return text === 'anyone' ? { value: 'anyone' } : entryOf([nameIn(text)])
}

/** Reads one name, its kind before it. */
export function nameIn(text: string): Read<IdentityPart> {
  if (/^spiffe:/i.test(text)) return identityPart('spiffe', text)
  const [, kind = '', rest = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
  if (isIdentityKind(kind)) return identityPart(kind, rest)
  const near = kind.trim().toLowerCase()
  const hint = isIdentityKind(near) ? `Write ${near}: in lower case, without spaces.` : kindsHint
  return { message: `${JSON.stringify(text)} does not say what kind of name it is`, hint }
}

/** An entry of parts that were read, or what is wrong with it as a whole. */
export function entryOf(parts: readonly Read<IdentityPart>[]): Read<IdentityEntry> {
  const read = parts.flatMap((part) => ('value' in part ? [part.value] : []))
  const [complaint] = parts.flatMap((part) => ('value' in part ? [] : [part]))
  if (complaint !== undefined) return complaint
  const has = (kind: IdentityKind) => read.some((part) => part.kind === kind)
  if (has('serial') && !has('issuer') && !has('ca'))
    return {
      message: 'a serial number is unique within one CA only',
      hint: 'Name its CA too: { serial: "0A…", ca: example.org }, or { serial: "0A…", issuer: "CN=…" }.',
    }
  return { value: Object.freeze(read) }
}

export function isIdentityKind(kind: string): kind is IdentityKind {
  return (identityKinds as readonly string[]).includes(kind)
}

const starsAllowed: Partial<Record<IdentityKind, PatternKind>> = {
  spiffe: 'spiffe',
  dns: 'dns',
  email: 'email',
}

/** Reads one name of this kind. */
export function identityPart(kind: IdentityKind, text: string): Read<IdentityPart> {
  if (text === '')
    return { message: `${kind}: has no name after it`, hint: 'Write the name, or remove the entry.' }
  const patterns = starsAllowed[kind]
  if (hasStar(text) && patterns === undefined)
    return {
      message: `a star is not allowed in ${kind}:`,
      hint: 'Write the whole name. Stars are for the path of spiffe:, for dns: and for email:.',
    }
  const form = formOf(kind, text)
  if (typeof form !== 'string') return form
  const pattern = patterns !== undefined && hasStar(form) ? { pattern: patternOf(form, patterns) } : {}
  return { value: Object.freeze({ kind, value: form, ...pattern }) }
}

/** A name in the form that is compared, or what is wrong with it. */
function formOf(kind: IdentityKind, text: string): string | Complaint {
  const shown = JSON.stringify(text)
  switch (kind) {
    case 'spiffe': {
      if (/^spiffe:\/\/[^/]*\*/i.test(text))
        return {
          message: `${shown} has a star in its trust domain`,
          hint: 'Write one entry for each trust domain; stars are for the path.',
        }
      const isValid = isSpiffeId(text.replaceAll('*', 'x'))
      const hint =
        'Write spiffe://TRUST-DOMAIN/PATH: lower-case scheme and domain, no empty segments, no query.'
      return isValid ? text : { message: `${shown} is not a SPIFFE ID`, hint }
    }
    case 'dns': {
      const name = dnsForm(text)
      if (/^(?:[a-z\d_*-]+\.)*[a-z\d_*-]+$/.test(name) && name.length <= 253) return name
      return {
        message: `${shown} is not a DNS name`,
        hint: 'Write letters, digits, "-" and dots; other letters in their ASCII form (xn--…).',
      }
    }
    case 'email': {
      const hint = 'Write LOCAL-PART@DOMAIN, with one @.'
      return emailForm(text)[0] ?? { message: `${shown} is not an e-mail address`, hint }
    }
    case 'serial': {
      const serial = serialForm(text)
      const hint = 'Write it as `openssl x509 -noout -serial` does.'
      return /^[\da-f]+$/.test(serial) ? serial : { message: `${shown} is not a serial number in hex`, hint }
    }
    case 'fingerprint':
    case 'spki': {
      const digest = digestForm(text)
      const hint = `Write ${kind}:sha256: and 64 hex digits, or ${kind}:sha256/ and base64.`
      return digest === undefined ? { message: `${shown} is not a SHA-256 hash`, hint } : `sha256:${digest}`
    }
    case 'ca':
      if (/^[a-z\d._-]+$/.test(text)) return text
      return {
        message: `${shown} is not a trust domain`,
        hint: 'Write a trust domain alone, such as example.org.',
      }
    default:
      return text
  }
}

/** A part as `PolicySubject.names` would have it. */
export function nameOf({ kind, value }: IdentityPart): string {
  return kind === 'spiffe' ? value : `${kind}:${value}`
}

/**
 * Whether names in it need their CA beside them once trust domains are bound, and lack it. A SPIFFE ID is bound to its CA itself, and
 * a hash names one certificate or key.
 */
export function isBare(entry: IdentityEntry): boolean {
  if (entry === 'anyone') return false
  const isAnchored = entry.some(({ kind }) => ['ca', 'spiffe', 'fingerprint', 'spki'].includes(kind))
  return !isAnchored
}

/**
 * Whether a subject is what an entry asks for. Once trust domains are bound, a bare name allows nothing: any CA may have given it. It
 * still denies, as a rule that denies must not fall silent.
 */
export function isNamed(entry: IdentityEntry, subject: PolicySubject, effect: 'allow' | 'deny'): boolean {
  if (!subject.verified) return false
  if (entry === 'anyone') return true
  if (effect === 'allow' && subject.domainsBound && isBare(entry)) return false
  return entry.every((part) => hasName(subject, part))
}

function hasName({ names }: PolicySubject, part: IdentityPart): boolean {
  const { pattern } = part
  if (pattern === undefined) return names.includes(nameOf(part))
  const prefix = part.kind === 'spiffe' ? '' : `${part.kind}:`
  return names.some(
    (name) => name.startsWith(prefix || 'spiffe://') && pattern.matches(name.slice(prefix.length)),
  )
}
