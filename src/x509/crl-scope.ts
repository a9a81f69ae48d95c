import { AsnConvert } from '@peculiar/asn1-schema'
import { IssuingDistributionPoint } from '@peculiar/asn1-x509'
import { type CertificateFacts, generalNameText } from './certificate.js'

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

/** The scope that an issuing distribution point names, or why it is not supported here. */
export function scopeOf(der: Uint8Array): { readonly scope: CrlScope; readonly unsupported?: string } {
  const { distributionPoint, indirectCRL, onlySomeReasons, ...only } = AsnConvert.parse(
    der,
    IssuingDistributionPoint,
  )
  const unsupported = indirectCRL
    ? 'it is an indirect list, with certificates of other issuers'
    : onlySomeReasons
      ? 'it is about some reasons of revocation alone'
      : only.onlyContainsAttributeCerts
        ? 'it is about attribute certificates'
        : only.onlyContainsUserCerts && only.onlyContainsCACerts
          ? 'it is about no certificate at all'
          : distributionPoint && !distributionPoint.fullName
            ? 'its distribution point has no full name'
            : undefined
  const scope = {
    only: only.onlyContainsCACerts
      ? ('ca' as const)
      : only.onlyContainsUserCerts
        ? ('user' as const)
        : undefined,
    points: distributionPoint?.fullName?.map(generalNameText),
  }
  return { scope, ...(unsupported && { unsupported }) }
}
