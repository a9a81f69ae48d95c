import { errorCodes, type MtlsErrorCode } from '../errors.js'
import type { PathFault } from '../judge/fault.js'
import type { CertificateFacts } from '../x509/certificate.js'

/** What a check can find beside the codes of `MtlsError`, each with what to do about it. */
export const checkCodes = {
  CERT_EXPIRING: 'Renew it in time, for example with `mcp-mtls cert-renew`.',
  CERT_OUTLIVES_CA: 'It ends with its CA: issue it anew from a CA that lives longer.',
  CRL_EXPIRED:
    'Have its CA sign a new list, for example with `mcp-mtls cert-renew`: until then everybody is refused.',
  CRL_EXPIRING: 'Have its CA sign a new list in time, for example with `mcp-mtls cert-renew`.',
  CRL_INVALID: 'Put a revocation list there that this CA signed.',
  FILE_MODE:
    'Take the rights of others away: `chmod go-rwx FILE` for a key, `chmod go-w DIR` for a directory.',
} as const satisfies Record<string, string>

export type ProblemCode = MtlsErrorCode | keyof typeof checkCodes

/** One thing that is wrong with a certificate or one of its files. */
export interface Problem {
  readonly code: ProblemCode
  readonly message: string
  readonly hint: string
}

const hints: Readonly<Record<ProblemCode, string>> = { ...errorCodes, ...checkCodes }

export function problem(code: ProblemCode, message: string, hint = hints[code]): Problem {
  return { code, message, hint }
}

/** Whether everything still works today. */
export function isWarning({ code }: Problem): boolean {
  return code === 'CERT_EXPIRING' || code === 'CRL_EXPIRING' || code === 'CERT_OUTLIVES_CA'
}

/** A certificate that is wrong in itself: its subject, and what is wrong with it. */
export function invalid({ subject }: CertificateFacts, what: string, hint: string): Problem {
  return problem('CERT_INVALID', `${subject} ${what}`, hint)
}

/** What the judgement of a path says, as a problem. */
export function faulty({ certificate, words }: PathFault, hint: string): Problem {
  return invalid(certificate, words, hint)
}

export const dayMs = 86_400_000

/** The extended key usage that each kind of leaf needs. */
export const usageOf = { server: 'serverAuth', client: 'clientAuth' } as const
