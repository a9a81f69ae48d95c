import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { MtlsError } from '../../errors.js'

export type KeyType = 'ec-p256' | 'ec-p384' | 'ed25519' | 'rsa'
export const keyTypes: readonly [KeyType, ...KeyType[]] = ['ec-p256', 'ec-p384', 'ed25519', 'rsa']

/** Moduli offered for RSA, in bits; the first is the default. */
export const rsaKeySizes = [2048, 3072, 4096] as const

/** A PEM text and where it comes from, for messages. */
export interface PemSource {
  readonly text: string
  /** Path of its file. */
  readonly path: string
}

const generate = promisify(generateKeyPair)

/** A fresh private key. */
export async function generateKey(type: KeyType, rsaKeySize: number): Promise<KeyObject> {
  const pair =
    type === 'rsa'
      ? generate('rsa', { modulusLength: rsaKeySize })
      : type === 'ed25519'
        ? generate('ed25519')
        : generate('ec', { namedCurve: type === 'ec-p384' ? 'secp384r1' : 'prime256v1' })
  return (await pair).privateKey
}

/** A fresh private key of the type and size of another; RSA of less than 2048 bits becomes 2048. Throws `CERT_INVALID`. */
export async function generateKeyLike(key: KeyObject): Promise<KeyObject> {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (await generate('rsa', { modulusLength: Math.max(modulusLength, rsaKeySizes[0]) })).privateKey
    case 'ec':
      return (await generate('ec', { namedCurve })).privateKey
    case 'ed25519':
      return (await generate('ed25519')).privateKey
    default:
      throw new MtlsError('CERT_INVALID', `keys of type ${key.asymmetricKeyType} are not made here`)
  }
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
