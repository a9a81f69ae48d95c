import { hash, type KeyObject } from 'node:crypto'

/** Bytes that SHA-256 takes at a time: FIPS 180-4. */
const block = 64

/**
 * HMAC-SHA256 of texts in UTF-8, lower-case hex (RFC 2104), with a key of 64 bytes at most. The two hashes of its definition: `hash` takes half
 * of the time of a `createHmac`, which makes an object with a native part for each text.
 */
export function hmacSha256(key: KeyObject): (text: string) => string {
  const bytes = Buffer.concat([key.export(), Buffer.alloc(block)], block)
  const inner = bytes.map((byte) => byte ^ 0x36)
  const outer = Buffer.concat([bytes.map((byte) => byte ^ 0x5c), Buffer.alloc(32)])
  return (text) => {
    const message = Buffer.allocUnsafe(block + Buffer.byteLength(text))
    message.set(inner)
    message.write(text, block)
    outer.write(hash('sha256', message), block, 'hex')
    return hash('sha256', outer)
  }
}
