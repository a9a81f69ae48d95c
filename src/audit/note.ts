// Signed notes (c2sp.org/signed-note) by Ed25519, and the checkpoint in them (c2sp.org/tlog-checkpoint).
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** A public key with the name under which it signs. */
export interface NoteKey {
  readonly name: string
  readonly publicKey: KeyObject
}

/** What a checkpoint says of a record: its name, how many lines it had, and the hash of the last of them. */
export interface Checkpoint {
  readonly origin: string
  readonly lines: number
  /** Lower-case hex. */
  readonly hash: string
}

const ed25519 = Buffer.of(1)

function rawKey(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
}

/** The name of the record of a key: it is made of the key, so that a checkpoint names what can verify it. */
export function originOf(publicKey: KeyObject): string {
  const digest = createHash('sha256').update(rawKey(publicKey)).digest('hex')
  return `mcp-mtls.audit/${digest.slice(0, 32)}`
}

function keyId({ name, publicKey }: NoteKey): Buffer {
  const hash = createHash('sha256').update(`${name}\n`).update(ed25519).update(rawKey(publicKey))
  return hash.digest().subarray(0, 4)
}

/** The key as other programs that read signed notes take it: `NAME+ID+KEY`. */
export function verifierKey(key: NoteKey): string {
  return `${key.name}+${keyId(key).toString('hex')}+${Buffer.concat([ed25519, rawKey(key.publicKey)]).toString('base64')}`
}

/** The reverse; undefined for what is none. */
export function readVerifierKey(text: string): NoteKey | undefined {
  const [, name = '', id, encoded = ''] = /^([^\s+]+)\+([\da-f]{8})\+([\w+/]+=*)$/.exec(text.trim()) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length !== 33 || bytes[0] !== 1) return undefined
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') }
  const key = { name, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
  return keyId(key).toString('hex') === id ? key : undefined
}

/** A note with one signature. `text` ends with a line end. */
export function signNote(text: string, key: NoteKey, privateKey: KeyObject): string {
  const signature = Buffer.concat([keyId(key), sign(null, Buffer.from(text), privateKey)])
  return `${text}\n— ${key.name} ${signature.toString('base64')}\n`
}

/** The text of a note that this key has signed, maybe beside others; undefined when it has not. Never throws. */
export function openNote(note: string, key: NoteKey): string | undefined {
  const at = note.lastIndexOf('\n\n')
  if (at < 0 || !note.endsWith('\n') || note.length > 16_384) return undefined
  const text = note.slice(0, at + 1)
  const signatures = note.slice(at + 2, -1).split('\n')
  const id = keyId(key)
  let own: Buffer | undefined
  for (const line of signatures) {
    const [, name, encoded = ''] = /^— ([^\s+]+) ([\w+/]+={0,2})$/.exec(line) ?? []
    const bytes = Buffer.from(encoded, 'base64')
    if (name === undefined || bytes.toString('base64') !== encoded) return undefined
    if (name === key.name && bytes.subarray(0, 4).equals(id)) own ??= bytes.subarray(4)
  }
  return own && verify(null, Buffer.from(text), key.publicKey, own) ? text : undefined
}

/** The text of a checkpoint. */
export function checkpointText({ origin, lines, hash }: Checkpoint): string {
  return `${origin}\n${lines}\n${Buffer.from(hash, 'hex').toString('base64')}\n`
}

/** The reverse; undefined for what is none. Lines that follow are extensions, and not read. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', lines = '', encoded = ''] = text.split('\n')
  const hash = Buffer.from(encoded, 'base64')
  const isOne =
    origin !== '' &&
    /^(?:0|[1-9]\d{0,14})$/.test(lines) &&
    hash.length === 32 &&
    hash.toString('base64') === encoded
  return isOne ? { origin, lines: Number(lines), hash: hash.toString('hex') } : undefined
}
