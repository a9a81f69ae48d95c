import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { MtlsError } from '../errors.js'
import { legacyCipher, otherFormat } from '../x509/other-format.js'

export const keyTypes = ['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const
export type KeyType = (typeof keyTypes)[number]

/** Moduli offered for RSA, in bits; the first is the default. */
export const rsaKeySizes = [2048, 3072, 4096] as const

/** A PEM text and where it comes from, for messages. */
export interface PemSource {
  readonly text: string
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

/** The private keys of a PEM text, each with its line end. */
export function privateKeyBlocks(text: string): readonly string[] {
  const block = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g
  return (text.match(block) ?? []).map((key) => `${key}\n`)
}

/** `pem` in the manner of the key in whose place it comes: encrypted when that was. Throws `KEY_ENCRYPTED`. */
export function privateKeyPemLike(before: PemSource, pem: string, passphrase: string | undefined): string {
  if (!before.text.includes('ENCRYPTED')) return pem
  if (passphrase === undefined)
    throw new MtlsError('KEY_ENCRYPTED', `${before.path}: the key is encrypted and no passphrase is set`)
  const encryption = { cipher: 'aes-256-cbc', passphrase }
  return createPrivateKey(pem)
    .export({ type: 'pkcs8', format: 'pem', ...encryption })
    .toString()
}

/** PKCS#8 PEM without a passphrase, as every TLS server reads it. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Reads a private key in PEM. Throws `KEY_ENCRYPTED` or `CERT_INVALID`, naming `where` and nothing of the key. */
export function readPrivateKey(pem: string, where: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    // The cause is left out on purpose: nothing that has seen the key goes into an error.
    const cipher = pem.includes('ENCRYPTED') && passphrase !== undefined ? legacyCipher(error) : undefined
    if (cipher)
      throw new MtlsError('KEY_ENCRYPTED', `${where}: the key is ${cipher.what}`, { hint: cipher.hint })
    if (pem.includes('ENCRYPTED'))
      throw new MtlsError(
        'KEY_ENCRYPTED',
        `${where}: the key is encrypted and ${passphrase === undefined ? 'no passphrase is set' : 'the passphrase is not its own'}`,
      )
    const other = otherFormat(pem)
    throw new MtlsError(
      'CERT_INVALID',
      `${where}: ${other ? `it is ${other.what}` : 'not a readable private key'}`,
      {
        hint:
          other?.hint ??
          'A PEM file holds -----BEGIN PRIVATE KEY----- … -----END PRIVATE KEY-----; make a new pair if it is damaged.',
      },
    )
  }
}
