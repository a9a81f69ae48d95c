import type { CertificateFacts } from './certificate.js'
import { checkDer } from './der/der.js'
import { readIssuingDistributionPoint } from './extension-values.js'

/** Which certificates of its issuer a revocation list covers (RFC 5280 section 5.2.5). */
export interface CrlScope {
  /** CA certificates only, or all others; undefined for both. */
  readonly only: 'ca' | 'user' | undefined
  /** Names of one distribution point: certificates that name another, or none, are not on this list. */
  readonly points: readonly string[] | undefined
}

export const everything: CrlScope = Object.freeze({ only: undefined, points: undefined })

export function covers({ only, points }: CrlScope, { isCa, crlPoints }: CertificateFacts): boolean {
  return (
    (only === undefined || isCa === (only === 'ca')) &&
    (points === undefined || points.some((point) => crlPoints.includes(point)))
  )
}

/** The scope that an issuing distribution point names, or why it is not supported here. Throws `RangeError` if it is invalid. */
export function scopeOf(der: Uint8Array): { readonly scope: CrlScope; readonly unsupported?: string } {
  checkDer(der)
  const point = readIssuingDistributionPoint(der)
  const unsupported = point.isIndirect
    ? 'it is an indirect list, with certificates of other issuers'
    : point.onlySomeReasons
      ? 'it is about some reasons of revocation alone'
      : point.onlyAttributes
        ? 'it is about attribute certificates'
        : point.onlyUsers && point.onlyCas
          ? 'it is about no certificate at all'
          : point.isUnnamed
            ? 'its distribution point has no full name'
            : undefined
  const only = point.onlyCas ? 'ca' : point.onlyUsers ? 'user' : undefined
  return { scope: { only, points: point.names }, ...(unsupported && { unsupported }) }
}
