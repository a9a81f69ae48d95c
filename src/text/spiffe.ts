/** SPIFFE-ID section 2: lower case scheme and trust domain, segments that are neither empty nor dots, and nothing else. */
export function isSpiffeId(uri: string): boolean {
  return trustDomainOf(uri) !== undefined
}

/** The trust domain of a SPIFFE ID; undefined for anything else. */
export function trustDomainOf(uri: string): string | undefined {
  const [, domain = '', path = ''] = /^spiffe:\/\/([a-z\d._-]+)((?:\/[\w.-]+)*)$/.exec(uri) ?? []
  const segments = path.split('/')
  const isOne =
    isTrustDomain(domain) && uri.length <= 2048 && !segments.includes('.') && !segments.includes('..')
  return isOne ? domain : undefined
}

/** Whether this is the name of a trust domain (SPIFFE-ID section 2.1), without scheme or path. */
export function isTrustDomain(text: string): boolean {
  return /^[a-z\d._-]{1,255}$/.test(text)
}

/** Whether a URI claims to be a SPIFFE ID, well formed or not: others compare the scheme without case. */
export function claimsSpiffe(uri: string): boolean {
  return /^spiffe:/i.test(uri)
}
