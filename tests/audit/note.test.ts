import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { publicKeyIn } from '../../src/audit/keys.js'
import {
  checkpointText,
  openNote,
  originOf,
  readCheckpoint,
  readVerifierKey,
  signNote,
  verifierKey,
} from '../../src/audit/note.js'

// The example of c2sp.org/signed-note.
const exampleKey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const exampleText = 'This is an example message.\n'
const exampleSignature =
  '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

function exampleVerifier() {
  const key = readVerifierKey(exampleKey)
  if (!key) throw new Error('no key')
  return key
}

test('the example of the specification verifies', () => {
  expect(openNote(`${exampleText}\n${exampleSignature}`, exampleVerifier())).toBe(exampleText)
  expect(verifierKey(exampleVerifier())).toBe(exampleKey)
})

test('signatures of others beside it do not matter', () => {
  const other = '— witness.example AAAAAAAA\n'
  expect(openNote(`${exampleText}\n${other}${exampleSignature}${other}`, exampleVerifier())).toBe(exampleText)
})

test.each([
  ['another text', exampleSignature, 'This is another message.\n'],
  ['a signature with one letter changed', exampleSignature.replace('8srV', '8srW'), exampleText],
  ['another name', exampleSignature.replace('foo', 'bar'), exampleText],
  ['bits that base64 does not use', exampleSignature.replace('aQM=', 'aQN='), exampleText],
  ['a line that is no signature', `${exampleSignature}and more\n`, exampleText],
  ['a hyphen for the dash', exampleSignature.replace('—', '-'), exampleText],
  ['no line end', exampleSignature.trimEnd(), exampleText],
])('%s is refused', (_, signature, text) => {
  expect(openNote(`${text}\n${signature}`, exampleVerifier())).toBeUndefined()
})

test('what is signed here opens with its key, and with no other', () => {
  const [own, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
  const key = { name: originOf(own.publicKey), publicKey: own.publicKey }
  const text = checkpointText({ origin: key.name, lines: 1200, hash: 'ab'.repeat(32) })
  const note = signNote(text, key, own.privateKey)
  expect(openNote(note, key)).toBe(text)
  expect(openNote(note, { ...key, publicKey: other.publicKey })).toBeUndefined()
  expect(readCheckpoint(text)).toEqual({ origin: key.name, lines: 1200, hash: 'ab'.repeat(32) })
  expect(note.split('\n')).toHaveLength(6)
})

test('a key is read from PEM and from its own text, and names the same record', () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const key = publicKeyIn(pem)
  expect(key?.name).toBe(originOf(publicKey))
  expect(key && publicKeyIn(verifierKey(key))).toMatchObject({ name: key?.name })
})

test.each([
  ['nothing', ''],
  ['another hash of name and key', exampleKey.replace('530d903a', '530d903b')],
  ['a key of another length', exampleKey.slice(0, -4)],
  ['another kind of key', exampleKey.replace('AekyeRrm', 'AukyeRrm')],
  ['a private key', 'PRIVATE+KEY+example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
  [
    'PEM of RSA',
    generateKeyPairSync('rsa', { modulusLength: 2048 })
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString(),
  ],
])('%s is no key', (_, text) => {
  expect(publicKeyIn(text)).toBeUndefined()
})

test.each([
  '',
  'origin',
  'origin\n1\n',
  'origin\n01\nqw==\n',
  `origin\n-1\n${Buffer.alloc(32).toString('base64')}\n`,
  'origin\n1\nqw==\n',
])('a text that is no checkpoint: %j', (text) => {
  expect(readCheckpoint(text)).toBeUndefined()
})
