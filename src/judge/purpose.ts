/** What a certificate is shown for: extended key usage of RFC 5280 section 4.2.1.12. */
export type Purpose = 'clientAuth' | 'serverAuth'
