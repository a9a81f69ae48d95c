import { maximumPresented } from '../../judge/path.js'
import { readingCost } from '../../x509/der/size.js'

const largestCertificate = 16 * 1024
/**
 * Limit for names, purposes, policies and everything else in all certificates together; a usual one has 60, one of 250
 * host names 310.
 */
const mostValues = 1000

/**
 * Why reading what a peer shows would exceed the limits; undefined for everything that an honest one shows. OpenSSL
 * takes 100 kB of certificates, in which there is room for seconds of work.
 */
export function excessIn(certificates: readonly Uint8Array[]): string | undefined {
  if (certificates.length > maximumPresented) return `more than ${maximumPresented} certificates`
  const large = certificates.find(({ length }) => length > largestCertificate)
  if (large) return `a certificate of ${large.length} bytes, more than ${largestCertificate}`
  const values = certificates.reduce((sum, der) => sum + readingCost(der, mostValues + 1), 0)
  return values > mostValues ? `certificates with more than ${mostValues} values in them` : undefined
}
