import { expect, test } from 'vitest'
import { generateKeyLike, type KeyType, keyTypes } from '../../../src/pki/certificate/key.js'
import { createAuthority, createCrl, issue } from '../../../src/pki/index.js'

const names = {
  'ec-p256': 'EC P-256',
  'ec-p384': 'EC P-384',
  ed25519: 'Ed25519',
  rsa: 'RSA 2048',
} satisfies Record<KeyType, string>

test.each(keyTypes)(
  'a key of type %s is one in the certificate, signs, and is made again alike',
  async (keyType) => {
    const ca = await createAuthority({ keyType })
    expect(ca.facts.key.text).toBe(names[keyType])
    expect((await issue(ca, { type: 'client', commonName: 'c', keyType })).facts.key.text).toBe(
      names[keyType],
    )
    expect(createCrl(ca, new Map()).isSignedBy(ca.facts)).toBe(true)
    const again = await createAuthority({}, { privateKey: await generateKeyLike(ca.keyObject) })
    expect(again.facts.key.text).toBe(names[keyType])
  },
)
