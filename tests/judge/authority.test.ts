import { beforeAll, describe, expect, test } from 'vitest'
import { authorityFault } from '../../src/judge/authority.js'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { forge, forgeCa } from '../support/forge.js'

let ca: CertificateFacts
let leaf: CertificateFacts
beforeAll(async () => {
  const issuer = await forgeCa()
  ca = { ...readCertificate(issuer.cert), selfIssued: false }
  leaf = readCertificate((await forge({ issuer, usage: 'client' })).cert)
})

const limited = (pathLength: number | undefined, more: Partial<CertificateFacts> = {}) => ({
  ...{ ...ca, pathLength },
  ...more,
})

describe('how many CAs may stand below one', () => {
  test.each([
    [0, 0, true],
    [0, 1, false],
    [1, 1, true],
    [1, 2, false],
    [undefined, 5, true],
  ])('%s are allowed, and there are %d: %s', (allowed, below, holds) => {
    const between = Array.from({ length: below }, () => ca)
    const fault = authorityFault([leaf, ...between, limited(allowed)], 'clientAuth')
    expect(fault === undefined).toBe(holds)
    if (fault)
      expect(fault).toMatchObject({
        kind: 'authority',
        certificate: { pathLength: allowed },
        words: `allows only ${allowed} CAs below it, and here are ${below}`,
      })
  })

  test('one that issued itself does not count, and the leaf never does', () => {
    expect(authorityFault([leaf, { ...ca, selfIssued: true }, limited(0)], 'clientAuth')).toBeUndefined()
    expect(authorityFault([limited(0), ca, ca], undefined)).toBeUndefined()
  })
})

describe('what a CA may issue for', () => {
  test.each([
    [undefined, 'clientAuth', true],
    [['clientAuth'], 'clientAuth', true],
    [['serverAuth'], 'clientAuth', false],
    [['serverAuth'], 'serverAuth', true],
    [[], 'clientAuth', false],
    [['serverAuth'], undefined, true],
  ] as const)('a CA with the usages %j, for %s: %s', (extendedKeyUsage, purpose, holds) => {
    for (const chain of [
      [leaf, { ...ca, extendedKeyUsage }],
      [leaf, { ...ca, extendedKeyUsage }, ca],
    ]) {
      const fault = authorityFault(chain, purpose)
      expect(fault?.words).toBe(
        holds ? undefined : `may not issue certificates for ${purpose} (extended key usage)`,
      )
    }
  })

  test('the usages of the leaf are not its CA’s', () => {
    expect(authorityFault([{ ...leaf, extendedKeyUsage: ['serverAuth'] }, ca], 'clientAuth')).toBeUndefined()
  })
})
