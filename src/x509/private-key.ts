import { createPrivateKey, type KeyObject } from 'node:crypto'
import { MtlsError } from '../errors.js'
import { legacyCipher, otherFormat } from './other-format.js'

const keyBlock = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----(?:(?!-----)[\s\S])*-----END \1PRIVATE KEY-----/g

/** The private keys of a PEM text, each with its line end. */
export function privateKeyBlocks(text: string): readonly string[] {
  return (text.match(keyBlock) ?? []).map((key) => `${key}\n`)
}

/**
 * The first private key of a PEM text, ignoring any text around it. Throws `KEY_ENCRYPTED` or `CERT_INVALID`, naming
 * `where` and nothing of the key.
 */
export function readPrivateKey(text: string, where: string, passphrase?: string): KeyObject {
  const [pem = text] = privateKeyBlocks(text)
  try {
    return createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    // The cause is left out on purpose: an error must contain nothing that was derived from the key.
    if (pem.includes('ENCRYPTED')) throw unopened(error, where, passphrase)
    const other = otherFormat(text)
    const what = other ? `it is ${other.what}` : 'not a readable private key'
    throw new MtlsError('CERT_INVALID', `${where}: ${what}`, {
      hint:
        other?.hint ??
        'A PEM file holds -----BEGIN PRIVATE KEY----- … -----END PRIVATE KEY-----; make a new pair if it is damaged.',
    })
  }
}

function unopened(error: unknown, where: string, passphrase: string | undefined): MtlsError {
  const cipher = passphrase === undefined ? undefined : legacyCipher(error)
  if (cipher)
    return new MtlsError('KEY_ENCRYPTED', `${where}: the key is ${cipher.what}`, { hint: cipher.hint })
  const what = passphrase === undefined ? 'no passphrase is set' : 'the passphrase is not its own'
  return new MtlsError('KEY_ENCRYPTED', `${where}: the key is encrypted and ${what}`)
}
