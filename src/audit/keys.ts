import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MtlsError } from '../errors.js'
import { syncDirectory, writeDurably } from '../files/durable-write.js'
import { exposureOf } from '../files/exposure.js'
import { readSmallFile } from '../files/read-file.js'
import { type NoteKey, originOf, readVerifierKey } from './note.js'

/** What a record is signed with. */
export interface RecordKeys extends NoteKey {
  readonly privateKey: KeyObject
  /** Of `arguments_hmac`: derived from the private key, so that equal arguments are equal in all files of a record. */
  readonly hmacKey: KeyObject
}

export interface LoadedKeys {
  readonly keys: RecordKeys
  /** Whether they were made now. */
  readonly isNew: boolean
}

/** The keys of a record in a file: those at `keyPath`, else those beside it, which are made when there are none. */
export async function keysOfRecord(path: string, keyPath?: string): Promise<LoadedKeys> {
  if (keyPath !== undefined) {
    const keys = await loadKeys(keyPath)
    await keepPublic(path, keys)
    return { keys, isNew: false }
  }
  const own = `${path}.key`
  const found = await keysAt(own)
  const keys = found ?? keysFrom(generateKeyPairSync('ed25519').privateKey)
  if (!found) {
    requirePublic(path, keys)
    await writeDurably(own, pem(keys.privateKey), { mode: 0o600 })
    await syncDirectory(dirname(own))
  }
  await keepPublic(path, keys)
  return { keys, isNew: !found }
}

/** Takes back keys that were made for a record which could not be begun. */
export async function discardKeys(path: string): Promise<void> {
  await Promise.all([`${path}.key`, `${path}.pub`].map((file) => rm(file, { force: true }).catch(() => {})))
}

/** A private Ed25519 key in PEM. Throws `CONFIG_INVALID` for what is none, or may be read by others. */
export async function loadKeys(path: string): Promise<RecordKeys> {
  const keys = await keysAt(path)
  if (!keys) throw invalidKey(path, 'does not exist')
  return keys
}

/** Undefined when there is nothing. */
async function keysAt(path: string): Promise<RecordKeys | undefined> {
  let text: Buffer
  try {
    text = readSmallFile(path)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw invalidKey(path, 'cannot be read', cause)
  }
  const exposure = await exposureOf(path)
  if (exposure !== undefined)
    throw new MtlsError('CONFIG_INVALID', `the key of the audit record is not secret: ${exposure}`, {
      hint: `Run \`chmod 600 ${path}\`; if somebody may have read it, begin a new record with a new key.`,
    })
  try {
    return keysFrom(createPrivateKey(text))
  } catch (cause) {
    throw invalidKey(path, 'is not a private Ed25519 key in PEM', cause)
  }
}

/** Keys that end with the process, for `arguments_hmac` alone: what they sign, nobody could verify. */
export function passingHmacKey(): KeyObject {
  return createSecretKey(randomBytes(32))
}

/** A public key as people give it: PEM, or the text that programs for signed notes take. */
export function publicKeyIn(text: string): NoteKey | undefined {
  const listed = readVerifierKey(text)
  if (listed) return listed
  try {
    const publicKey = createPublicKey(text)
    if (publicKey.asymmetricKeyType !== 'ed25519') return undefined
    return { name: originOf(publicKey), publicKey }
  } catch {
    return undefined
  }
}

function keysFrom(privateKey: KeyObject): RecordKeys {
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key')
  const publicKey = createPublicKey(privateKey)
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
  const derived = hkdfSync('sha256', seed, '', 'mcp-mtls audit arguments_hmac', 32)
  return {
    name: originOf(publicKey),
    privateKey,
    publicKey,
    hmacKey: createSecretKey(Buffer.from(derived)),
  }
}

/** The public key lies beside the record. */
async function keepPublic(path: string, keys: RecordKeys): Promise<void> {
  if (!requirePublic(path, keys)) await writeDurably(`${path}.pub`, pem(keys.publicKey), { mode: 0o644 })
}

/** Whether it is there. Throws `KEY_MISMATCH` for another one: earlier checkpoints would fail. */
function requirePublic(path: string, { publicKey }: RecordKeys): boolean {
  const beside = `${path}.pub`
  let found: Buffer
  try {
    found = readSmallFile(beside)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    return false
  }
  const key = publicKeyIn(found.toString())
  if (key && pem(key.publicKey) === pem(publicKey)) return true
  throw new MtlsError('KEY_MISMATCH', `${beside} is not the public key of the key that signs ${path}`, {
    hint: 'A record keeps its key. Use the earlier key, or move the record, its .key and its .pub away to begin a new one.',
  })
}

function pem(key: KeyObject): string {
  return key.type === 'private'
    ? key.export({ type: 'pkcs8', format: 'pem' }).toString()
    : key.export({ type: 'spki', format: 'pem' }).toString()
}

function invalidKey(path: string, problem: string, cause?: unknown): MtlsError {
  return new MtlsError('CONFIG_INVALID', `the key of the audit record, ${path}, ${problem}`, {
    hint: 'Make one with `openssl genpkey -algorithm ed25519 -out FILE`, or leave AUDIT_KEY unset: then one is made.',
    cause,
  })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
