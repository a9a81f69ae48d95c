import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseClientConfig, serverIdsIn } from '../../src/config/index.js'
import { certificateDirectory } from '../support/certificates.js'
import { refusal } from '../support/refusal.js'

const hash = createHash('sha256').update('key').digest()
const hex = hash.toString('hex')
const base64 = hash.toString('base64')

test.each<[string | string[], string[]]>([
  ['spiffe://example.org/weather', ['spiffe://example.org/weather']],
  [' spiffe://example.org ', ['spiffe://example.org']],
  [`sha256/${base64}`, [`sha256:${hex}`]],
  [`sha256/${base64.replace('=', '')}`, [`sha256:${hex}`]],
  [`SHA256:${hex.toUpperCase().replace(/..(?=.)/g, '$&:')}`, [`sha256:${hex}`]],
  [
    [`sha256:${hex}`, 'spiffe://a/b'],
    [`sha256:${hex}`, 'spiffe://a/b'],
  ],
])('%j is an identity of a server', (written, wanted) => {
  expect(serverIdsIn(written)).toEqual(wanted)
  expect(serverIdsIn(serverIdsIn(written))).toEqual(wanted) // what was read is read the same
})

test('none is none', () => {
  expect(serverIdsIn(undefined)).toBeUndefined()
})

test.each([
  [''],
  ['localhost'],
  ['dns:localhost'],
  ['SPIFFE://example.org/weather'],
  ['spiffe://example.org/'],
  ['spiffe://example.org/*'],
  [`sha256/${hex}`],
  [`sha256:${base64}`],
  [`sha256:${hex.slice(2)}`],
  [`sha256/${base64.slice(1)}`],
  [`sha256/${base64.slice(0, 42)}${next(base64.charAt(42))}=`],
  [`sha512/${base64}`],
  [[]],
  [['spiffe://a/b', '']],
  [7],
  [null],
])('%j is none, and nothing is let through in its place', (written) => {
  const error = refusal(() => serverIdsIn(written as string))
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.message).toContain('serverId')
})

/** Another character of base64 with the same first four bits. */
function next(character: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return letters.charAt(letters.indexOf(character) + 1)
}

test('plain HTTP proves no identity', async () => {
  const tls = { certDir: await certificateDirectory() }
  const serverId = 'spiffe://example.org/weather'
  expect(parseClientConfig({ serverUrl: 'https://localhost:1', tls, serverId }).serverId).toEqual([serverId])
  const plain = { serverUrl: 'http://localhost:1', useTls: false, serverId }
  expect(refusal(() => parseClientConfig(plain)).message).toContain('plain HTTP proves no identity')
})
