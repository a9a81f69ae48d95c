import { createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSha256 } from '../../src/audit/hmac.js'

test('is that of createHmac, whatever the key and the text', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => createSecretKey(bytes))
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(key, texts, (key, texts) => {
      const hmac = hmacSha256(key)
      for (const text of texts) expect(hmac(text)).toBe(createHmac('sha256', key).update(text).digest('hex'))
    }),
  )
})
