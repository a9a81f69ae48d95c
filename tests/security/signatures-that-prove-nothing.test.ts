import { execFileSync } from 'node:child_process'
import {
  createECDH,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  X509Certificate,
} from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, Certificate } from '@peculiar/asn1-x509'
import { describe } from 'vitest'
import { bothWays, type Row, type Usage } from '../support/both-ways.js'
import { type Forged, type ForgeOptions, forge, forgeCa } from '../support/forge.js'

// Certificates that were never signed by the CA that they name, and have fooled verifiers before.

const refused = { strict: 'CERT_INVALID', demo: 'CERT_INVALID' } as const
const bytes = (buffer: Uint8Array) => new Uint8Array(buffer).buffer

/** The same certificate, its parts changed after it was signed. */
function changed({ der, key }: Pick<Forged, 'der' | 'key'>, change: (certificate: Certificate) => void) {
  const certificate = AsnConvert.parse(der, Certificate)
  change(certificate)
  const base64 = Buffer.from(AsnConvert.serialize(certificate)).toString('base64')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key,
  }
}

const leaf = (ca: Forged, usage: Usage, options: ForgeOptions = {}) =>
  forge({ issuer: ca, usage, ...options })
const row = (title: string, change: (certificate: Certificate, ca: Forged) => void): Row => ({
  title,
  show: async (ca, usage) => changed(await leaf(ca, usage), (certificate) => change(certificate, ca)),
  ...refused,
})
const algorithm = (oid: string) => new AlgorithmIdentifier({ algorithm: oid })
const [ecdsaSha256, ecdsaSha384] = [algorithm('1.2.840.10045.4.3.2'), algorithm('1.2.840.10045.4.3.3')]
/** Signed anew by the CA, as it stands there now. */
const resign = (certificate: Certificate, { privateKey }: Forged) => {
  const body = Buffer.from(AsnConvert.serialize(certificate.tbsCertificate))
  certificate.signatureValue = bytes(sign('sha256', body, privateKey))
}

describe('under a CA with an ECDSA key', () => {
  bothWays([
    row('a signature of two zeros', (certificate) => {
      certificate.signatureValue = bytes(Buffer.from('3006020100020100', 'hex'))
    }),
    row('an empty signature', (certificate) => {
      certificate.signatureValue = new ArrayBuffer(0)
    }),
    row('no algorithm', (certificate) => {
      certificate.signatureAlgorithm = certificate.tbsCertificate.signature = algorithm('2.999.1')
      certificate.signatureValue = new ArrayBuffer(0)
    }),
    row('the algorithm of another kind of key', (certificate, ca) => {
      certificate.signatureAlgorithm = certificate.tbsCertificate.signature =
        algorithm('1.2.840.113549.1.1.11')
      resign(certificate, ca)
    }),
    row('an HMAC whose key is the public key of the CA', (certificate, ca) => {
      certificate.signatureAlgorithm = certificate.tbsCertificate.signature = algorithm('1.2.840.113549.2.9')
      const secret = createPublicKey(ca.privateKey).export({ type: 'spki', format: 'der' })
      const body = Buffer.from(AsnConvert.serialize(certificate.tbsCertificate))
      certificate.signatureValue = bytes(createHash('sha256').update(secret).update(body).digest())
    }),
    row('another algorithm beside the signature than inside', (certificate, ca) => {
      certificate.tbsCertificate.signature = ecdsaSha384
      certificate.signatureAlgorithm = ecdsaSha256
      resign(certificate, ca)
    }),
  ])
})

describe('under a CA with an RSA key of exponent 3', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })
  const honest = { title: 'a certificate of it', show: leaf, strict: 'accepted', demo: 'accepted' } as const
  /** RFC 8017 section 9.2 with less padding: what is behind the digest is free, so that a cube is found without the key. */
  const forgedByCubeRoot = row('a signature with room behind its digest', (certificate) => {
    const body = Buffer.from(AsnConvert.serialize(certificate.tbsCertificate))
    const digest = createHash('sha256').update(body).digest()
    const head = Buffer.concat([
      Buffer.from(`0001${'ff'.repeat(8)}003031300d060960864801650304020105000420`, 'hex'),
      digest,
    ])
    const wanted = BigInt(`0x${Buffer.concat([head, Buffer.alloc(256 - head.length, 0xff)]).toString('hex')}`)
    let root = 0n
    for (let bit = 1n << 700n; bit > 0n; bit >>= 1n) if ((root + bit) ** 3n <= wanted) root += bit
    const cube = Buffer.from((root ** 3n).toString(16).padStart(512, '0'), 'hex')
    if (!cube.subarray(0, head.length).equals(head)) throw new Error('no cube begins like that')
    certificate.signatureValue = bytes(Buffer.from(root.toString(16).padStart(512, '0'), 'hex'))
  })
  bothWays([honest, forgedByCubeRoot], async () => {
    const ca = await forgeCa({ keyOf: { privateKey } as Forged })
    return {
      ca,
      server: await forge({ issuer: ca, usage: 'server' }),
      client: await forge({ issuer: ca, usage: 'client' }),
    }
  })
})

describe('beside a CA of the same name and public point, on a curve with another generator', () => {
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
  const hex = (number: bigint) => number.toString(16).padStart(64, '0')
  const inverse = (number: bigint) => {
    let [result, base] = [1n, number % order]
    for (let rest = order - 2n; rest > 0n; rest >>= 1n) {
      if (rest & 1n) result = (result * base) % order
      base = (base * base) % order
    }
    return result
  }
  const integer = (number: bigint) => {
    const digits = hex(number)
    const padded = /^[89a-f]/.test(digits) ? `00${digits}` : digits
    return `02${(padded.length / 2).toString(16)}${padded}`
  }
  /** ECDSA where the public point is the generator, so that the private key is 1. */
  function signWithoutKey(body: Buffer, point: Buffer): Buffer {
    const once = createECDH('prime256v1')
    once.generateKeys()
    const nonce = BigInt(`0x${once.getPrivateKey('hex')}`)
    const r = BigInt(`0x${once.computeSecret(point).toString('hex')}`) % order
    const digest = BigInt(`0x${createHash('sha256').update(body).digest('hex')}`)
    const s = (inverse(nonce) * (digest + r)) % order
    const content = integer(r) + integer(s)
    return Buffer.from(`30${(content.length / 2).toString(16).padStart(2, '0')}${content}`, 'hex')
  }
  const sizeOfPoint = 65
  const curve = execFileSync(
    'openssl',
    'ecparam -name prime256v1 -param_enc explicit -outform DER'.split(' '),
  )

  bothWays([
    {
      title: 'a certificate that was signed without a key',
      show: async (ca, usage) => {
        const point = createPublicKey(ca.privateKey)
          .export({ type: 'spki', format: 'der' })
          .subarray(-sizeOfPoint)
        const parameters = Buffer.from(curve)
        point.copy(parameters, parameters.indexOf(Buffer.from('6b17d1f2e12c4247', 'hex')) - 1)
        const sign = (certificate: Certificate) => {
          const body = Buffer.from(AsnConvert.serialize(certificate.tbsCertificate))
          certificate.signatureValue = bytes(signWithoutKey(body, point))
        }
        const impostor = changed(ca, (certificate) => {
          certificate.tbsCertificate.subjectPublicKeyInfo.algorithm.parameters = bytes(parameters)
          sign(certificate)
        })
        const { cert, key } = changed(await leaf(ca, usage), sign)
        if (!new X509Certificate(cert).verify(new X509Certificate(impostor.cert).publicKey))
          throw new Error('the forgery does not fool anybody')
        return { cert: cert + impostor.cert, key }
      },
      ...refused,
    },
  ])
})
