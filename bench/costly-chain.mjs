// Client certificates that cost whoever reads them. Their signatures are wrong; before that is known they have cost.
import { generateKeyPairSync } from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { Certificate, Extension, Extensions } from '@peculiar/asn1-x509'
import { createAuthority, issue } from '../dist/pki/index.js'
import { encoded } from '../dist/x509/der/der.js'

const { certificate, privateKey } = await issue(await createAuthority(), {
  type: 'client',
  commonName: 'stranger',
})
/** A client certificate of a CA that nobody trusts. */
export const stranger = { cert: certificate, key: privateKey }

const parsed = () => AsnConvert.parse(Buffer.from(certificate.split('-----')[2] ?? '', 'base64'), Certificate)
const pem = (/** @type {Certificate} */ one) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(AsnConvert.serialize(one)).toString('base64')}\n-----END CERTIFICATE-----\n`

/** CAs that name each other, with exponents as long as their keys. @param {number} count */
export function costlyCas(count) {
  const { n = '' } = generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey.export({ format: 'jwk' })
  const modulus = Buffer.from(n, 'base64url')
  const exponent = Buffer.from(modulus)
  exponent[0] = (exponent[0] ?? 0) >> 1 // below the modulus
  exponent[exponent.length - 1] = (exponent.at(-1) ?? 0) | 1
  const number = (/** @type {Buffer} */ bytes) => encoded(2, Buffer.from([0]), bytes)
  const name = (/** @type {number} */ level) => {
    const authority = parsed().tbsCertificate.issuer
    const [attribute] = authority[0] ?? []
    if (attribute) attribute.value.utf8String = `level ${level}`
    return authority
  }
  /** Of the right form, so that it is checked. */
  const signedLikeRsa = (/** @type {Certificate} */ one) => {
    for (const algorithm of [one.tbsCertificate.signature, one.signatureAlgorithm]) {
      algorithm.algorithm = '1.2.840.113549.1.1.11'
      algorithm.parameters = Uint8Array.from([5, 0]).buffer
    }
    one.signatureValue = Uint8Array.from(exponent).buffer
  }
  const leaf = parsed()
  signedLikeRsa(leaf)
  leaf.tbsCertificate.issuer = name(0)
  delete leaf.tbsCertificate.extensions
  const cas = Array.from({ length: count }, (_, level) => {
    const ca = parsed()
    ca.tbsCertificate.subject = name(level)
    ca.tbsCertificate.issuer = name(level + 1)
    delete ca.tbsCertificate.extensions
    ca.tbsCertificate.serialNumber = Uint8Array.from([1, level]).buffer
    signedLikeRsa(ca)
    const info = ca.tbsCertificate.subjectPublicKeyInfo
    info.algorithm.algorithm = '1.2.840.113549.1.1.1'
    info.algorithm.parameters = Uint8Array.from([5, 0]).buffer
    info.subjectPublicKey = Uint8Array.from(encoded(0x30, number(modulus), number(exponent))).buffer
    return ca
  })
  return { cert: [leaf, ...cas].map(pem).join(''), key: privateKey }
}

/** A leaf with so many values in one extension. @param {string} id @param {readonly Uint8Array[]} values */
function leafWith(id, values) {
  const leaf = parsed()
  const extnValue = new OctetString(Uint8Array.from(encoded(0x30, ...values)).buffer)
  const others = [...(leaf.tbsCertificate.extensions ?? [])].filter(({ extnID }) => extnID !== id)
  leaf.tbsCertificate.extensions = new Extensions([...others, new Extension({ extnID: id, extnValue })])
  return { cert: pem(leaf), key: privateKey }
}

/** @param {number} count */
export const manyNames = (count) =>
  leafWith(
    '2.5.29.17',
    Array.from({ length: count }, (_, one) => encoded(0x82, Buffer.from(`${one}.example`))),
  )

/** @param {number} count */
export const manyPurposes = (count) =>
  leafWith(
    '2.5.29.37',
    Array.from({ length: count }, (_, one) => encoded(6, Buffer.from([42, 1 + (one % 100), one % 128]))),
  )
