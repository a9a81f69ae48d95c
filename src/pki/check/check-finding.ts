import { errorCodes, type MtlsErrorCode } from '../../errors.js'
import { faultCodes } from '../../judge/fault.js'
import type { Finding } from '../../judge/findings.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import type { LeafType } from '../certificate/request.js'

/** The codes of `MtlsError`, and what a check alone can find. */
export type CheckCode =
  | MtlsErrorCode
  | 'CERT_EXPIRING'
  | 'CERT_OUTLIVES_CA'
  | 'CRL_EXPIRED'
  | 'CRL_EXPIRING'
  | 'CRL_INVALID'
  | 'FILE_MODE'

/** What a check can find beside the codes of `MtlsError`, each with what to do about it. */
export const checkCodes = {
  CERT_EXPIRING: 'Renew it in time, for example with `mcp-mtls cert-renew`.',
  CERT_OUTLIVES_CA: 'It ends with its CA: issue it anew from a CA that lives longer.',
  CRL_EXPIRED:
    'Have its CA sign a new list, for example with `mcp-mtls cert-renew`: until then everybody is refused.',
  CRL_EXPIRING: 'Have its CA sign a new list in time, for example with `mcp-mtls cert-renew`.',
  CRL_INVALID: 'Put a revocation list there that this CA signed.',
  FILE_MODE:
    'Take the rights of others away: `chmod g-w,o-rwx FILE` for a key, `chmod go-w DIR` for a directory.',
} as const satisfies Record<Exclude<CheckCode, MtlsErrorCode>, string>

/**
 * One thing that is wrong with a certificate or one of its files, in words for people. The `Finding` of `judge/` is a fact
 * about a peer's certificate alone, without code and hint: `explained` makes the one of the other.
 */
export interface CheckFinding {
  readonly code: CheckCode
  readonly message: string
  readonly hint: string
}

const hints: Readonly<Record<CheckCode, string>> = { ...errorCodes, ...checkCodes }

export function checkFinding(code: CheckCode, message: string, hint = hints[code]): CheckFinding {
  return { code, message, hint }
}

/** Whether everything still works today. */
export function isWarning({ code }: CheckFinding): boolean {
  return code === 'CERT_EXPIRING' || code === 'CRL_EXPIRING' || code === 'CERT_OUTLIVES_CA'
}

/** A certificate that is wrong in itself: its subject, and what is wrong with it. */
export function invalid({ subject }: CertificateFacts, what: string, hint: string): CheckFinding {
  return checkFinding('CERT_INVALID', `${subject} ${what}`, hint)
}

/** A `Finding` of the judge about a certificate of this use, with its code and what to do about it. */
export function explained(
  { kind, certificate, words, hint: own, detail }: Finding,
  type: LeafType | 'ca' | undefined,
): CheckFinding {
  const [code, hint] = checkKinds[kind] ?? [faultCodes[kind]]
  const said = own ?? (typeof hint === 'function' ? hint(type) : hint)
  return checkFinding(code, `${certificate.subject} ${words}${detail ? `, ${detail}` : ''}`, said)
}

const clocks = 'Check the clocks of this machine and of the CA.'
const trust = 'Trust the CA that issued it (--ca-cert FILE), or issue it anew from the CA that is trusted.'

/** Where a check says another code than a peer is refused by, or knows more to do than the code's own hint. */
const checkKinds: Readonly<
  Partial<
    Record<
      Finding['kind'],
      readonly [code: CheckCode, hint?: string | ((type: LeafType | 'ca' | undefined) => string)]
    >
  >
> = {
  signature: ['CERT_INVALID', trust],
  issuer: ['CERT_INVALID', `${trust} Demo mode alone accepts one that is unknown.`],
  'no-list': ['CRL_INVALID'],
  'list-expired': ['CRL_EXPIRED'],
  'list-not-yet-valid': ['CRL_INVALID', clocks],
  authority: [
    'CERT_INVALID',
    'Issue the certificate from a CA that has no such limit, or is nearer to the root.',
  ],
  constraint: ['CERT_INVALID', 'Issue it with names that its CA may give, or from a CA that may give these.'],
  'trust-domain': [
    'CERT_INVALID',
    'Issue it from the CA of that trust domain, or bind its CA to that domain with TLS_TRUST_DOMAINS.',
  ],
  purpose: ['CERT_INVALID', (type) => `Issue one for this use with \`mcp-mtls cert-gen ${type} NAME\`.`],
  fabric: [
    'CERT_INVALID',
    'Issue it anew as `mcp-mtls cert-gen` does: a strong key, SHA-256, no extension that others may not know.',
  ],
}

/** The extended key usage that each kind of leaf needs. */
export const usageOf = { server: 'serverAuth', client: 'clientAuth' } as const
