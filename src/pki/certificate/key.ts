import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { MtlsError } from '../../errors.js'

export type KeyType = 'ec-p256' | 'ec-p384' | 'ed25519' | 'rsa'

/** What Node is told to make; the size of an RSA key is told with each. What a CA signs with it: `signature.ts`. */
interface KeyKind {
  readonly algorithm: string
  readonly namedCurve?: string
}

const kinds = {
  'ec-p256': { algorithm: 'ec', namedCurve: 'prime256v1' },
  'ec-p384': { algorithm: 'ec', namedCurve: 'secp384r1' },
  ed25519: { algorithm: 'ed25519' },
  rsa: { algorithm: 'rsa' },
} as const satisfies Record<KeyType, KeyKind>
export const keyTypes = Object.keys(kinds) as [KeyType, ...KeyType[]]

/** Moduli offered for RSA, in bits; the first is the default. */
export const rsaKeySizes = [2048, 3072, 4096] as const

/** A PEM text and where it comes from, for messages. */
export interface PemSource {
  readonly text: string
  /** Path of its file. */
  readonly path: string
}

const generate = promisify(generateKeyPair) as unknown as (
  algorithm: string,
  options: { readonly namedCurve?: string | undefined; readonly modulusLength?: number },
) => Promise<{ readonly privateKey: KeyObject }>

/** A fresh private key. */
export async function generateKey(type: KeyType, rsaKeySize: number): Promise<KeyObject> {
  const { algorithm, namedCurve }: KeyKind = kinds[type]
  return (await generate(algorithm, { namedCurve, modulusLength: rsaKeySize })).privateKey
}

/** A fresh private key of the type and size of another; RSA of less than 2048 bits becomes 2048. Throws `CERT_INVALID`. */
export async function generateKeyLike(key: KeyObject): Promise<KeyObject> {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  const known = Object.values(kinds).find(({ algorithm }) => algorithm === key.asymmetricKeyType)
  if (!known) throw new MtlsError('CERT_INVALID', `keys of type ${key.asymmetricKeyType} are not made here`)
  const size = Math.max(modulusLength, rsaKeySizes[0])
  return (await generate(known.algorithm, { namedCurve, modulusLength: size })).privateKey
}

/** PKCS#8 PEM like that of the key in whose place it comes: encrypted when that was. Throws `KEY_ENCRYPTED`. */
export function privateKeyPemLike(before: PemSource, key: KeyObject, passphrase: string | undefined): string {
  if (!before.text.includes('ENCRYPTED')) return privateKeyPem(key)
  if (passphrase === undefined)
    throw new MtlsError('KEY_ENCRYPTED', `${before.path}: the key is encrypted and no passphrase is set`)
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
}

/** PKCS#8 PEM without a passphrase, as every TLS server reads it. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
