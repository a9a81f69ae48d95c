import { createPrivateKey, randomBytes } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseTlsConfig, type Role } from '../../../src/config/index.js'
import { MtlsError } from '../../../src/errors.js'
import { loadMaterial } from '../../../src/tls/material/file-source.js'
import { readPrivateKey } from '../../../src/x509/private-key.js'
import { corruptSignature, type Forged, forge, forgeCa, forgeCrl, writeSet } from '../../support/forge.js'
import { refusal } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'

const day = 86_400_000
let ca: Forged
let server: Forged
let client: Forged
beforeAll(async () => {
  ca = await forgeCa()
  server = await forge({ issuer: ca, usage: 'server', commonName: 'mcp-server' })
  client = await forge({ issuer: ca, usage: 'client', commonName: 'mcp-client' })
})

async function goodSet(): Promise<string> {
  const dir = scratch()
  await writeSet(dir, { ca, server, client })
  return dir
}

async function failure(dir: string, role: Role, options: object = {}): Promise<MtlsError> {
  const loaded = await Promise.resolve()
    .then(() => loadMaterial(parseTlsConfig({ certDir: dir, ...options }, role), role))
    .catch((error: unknown) => error)
  if (loaded instanceof MtlsError) return loaded
  throw new Error('it was loaded')
}

describe.each(['server', 'client'] as const)('of a %s', (role) => {
  const cert = `${role}.crt`
  const keyFile = `${role}.key`

  test('the usual set loads, and says whose it is', async () => {
    const dir = await goodSet()
    const material = await loadMaterial(parseTlsConfig({ certDir: dir }, role), role)
    expect(material).toMatchObject({ role, mode: 'strict', minVersion: 'TLSv1.2', crls: undefined })
    expect(material.certificate.commonName).toBe(`mcp-${role}`)
    expect(material.anchors.map(({ commonName }) => commonName)).toEqual(['Forged CA'])
    expect(Object.isFrozen(material)).toBe(true)
  })

  test.each([
    ['text', 'hello', 'CERT_INVALID'],
    ['nothing', '', 'CERT_INVALID'],
    ['half a certificate', '-----BEGIN CERTIFICATE-----\nMIIB', 'CERT_INVALID'],
    ['garbage in a frame', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'CERT_INVALID'],
  ])('a certificate file with %s is an error that names it', async (_what, text, code) => {
    const dir = await goodSet()
    writeFileSync(join(dir, cert), text)
    const error = await failure(dir, role)
    expect(error.code).toBe(code)
    expect(error.message).toContain(join(dir, cert))
  })

  test('dates, usage and key of our own certificate are looked at', async () => {
    const past = { notBefore: new Date(Date.now() - 3 * day), notAfter: new Date(Date.now() - day) }
    const other = role === 'server' ? 'client' : 'server'
    const cases: [string, Forged][] = [
      ['CERT_EXPIRED', await forge({ issuer: ca, usage: role, ...past })],
      ['CERT_NOT_YET_VALID', await forge({ issuer: ca, usage: role, notBefore: new Date(Date.now() + day) })],
      ['CERT_INVALID', await forge({ issuer: ca, usage: other })],
      ['KEY_MISMATCH', { ...(await forge({ issuer: ca, usage: role })), key: ca.key }],
    ]
    for (const [code, forged] of cases) {
      const dir = await goodSet()
      await writeSet(dir, { [role]: forged })
      const error = await failure(dir, role)
      expect(error.code).toBe(code)
      expect(error.message).toContain(join(dir, cert))
      expect(error.hint).not.toBe('')
    }
  })

  test.each(['text', '', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])(
    'a key file with %j is CERT_INVALID and named, its content is not',
    async (text) => {
      const dir = await goodSet()
      writeFileSync(join(dir, keyFile), text)
      const error = await failure(dir, role)
      expect(error.code).toBe('CERT_INVALID')
      expect(error.message).toContain(`${join(dir, keyFile)}: not a readable private key`)
    },
  )

  test('an encrypted key wants its passphrase', async () => {
    const dir = await goodSet()
    const { key } = role === 'server' ? server : client
    const encrypted = createPrivateKey(key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'correct horse',
    })
    writeFileSync(join(dir, keyFile), encrypted)
    const without = await failure(dir, role)
    expect(without).toMatchObject({
      code: 'KEY_ENCRYPTED',
      message: expect.stringContaining('no passphrase is set'),
    })
    expect(without.hint).toContain('TLS_KEY_PASSPHRASE')
    const wrong = await failure(dir, role, { keyPassphrase: 'wrong horse' })
    expect(wrong).toMatchObject({
      code: 'KEY_ENCRYPTED',
      message: expect.stringContaining('the passphrase is not its own'),
    })
    expect(inspect(wrong, { depth: Infinity, showHidden: true })).not.toContain('wrong horse')
    const config = parseTlsConfig({ certDir: dir, keyPassphrase: 'correct horse' }, role)
    expect((await loadMaterial(config, role)).certificate.commonName).toBe(`mcp-${role}`)
  })

  test('a file that goes after the config was read is CERT_NOT_FOUND and named', async () => {
    for (const name of [cert, keyFile, 'ca.crt']) {
      const dir = await goodSet()
      const config = parseTlsConfig({ certDir: dir }, role)
      rmSync(join(dir, name))
      const error = await loadMaterial(config, role).catch((caught: unknown) => caught)
      expect(error).toMatchObject({
        code: 'CERT_NOT_FOUND',
        message: expect.stringContaining(join(dir, name)),
      })
    }
  })

  test('no error holds a line of the key', async () => {
    const { key } = role === 'server' ? server : client
    const secret = key.split('\n')[1] ?? ''
    expect(secret.length).toBeGreaterThan(40)
    const dir = await goodSet()
    const breakages = [
      key.replace('BEGIN', 'BEGUN'),
      key.replace('PRIVATE KEY', 'EC PRIVATE KEY'),
      `${secret}\n`,
    ]
    for (const broken of breakages) {
      writeFileSync(join(dir, keyFile), broken)
      const error = await failure(dir, role)
      const text = inspect(error, { depth: Infinity, showHidden: true }) + JSON.stringify(error)
      expect(text.includes(secret)).toBe(false)
    }
  })
})

test('a chain of other makers is loaded with its leaf, whatever its encoding of lines', async () => {
  const intermediate = await forgeCa({ issuer: ca })
  const leaf = await forge({ issuer: intermediate, usage: 'server' })
  const dir = await goodSet()
  const text = `subject=CN = forged\n${leaf.cert}\n${intermediate.cert}`.replaceAll('\n', '\r\n')
  await writeSet(dir, { server: { ...leaf, cert: text } })
  const { identity } = await loadMaterial(parseTlsConfig({ certDir: dir }, 'server'), 'server')
  expect(String(identity.cert).match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
})

test('a key under a cipher that OpenSSL no longer has is no matter of the passphrase', async () => {
  const dir = await goodSet()
  const head = 'Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n'
  const body = randomBytes(120)
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')
  const key = `-----BEGIN RSA PRIVATE KEY-----\n${head}${body}\n-----END RSA PRIVATE KEY-----\n`
  writeFileSync(join(dir, 'server.key'), key)
  const told = { code: 'KEY_ENCRYPTED', hint: expect.stringContaining('-provider legacy') }
  const config = parseTlsConfig({ certDir: dir, keyPassphrase: 'right' }, 'server')
  await expect(loadMaterial(config, 'server')).rejects.toMatchObject(told)
  expect(refusal(() => readPrivateKey(key, 'server.key', 'right'))).toMatchObject(told)
  expect(refusal(() => readPrivateKey(key, 'server.key')).message).toContain('no passphrase is set')
})

test('a chain that begins with its CA, and a key that no peer takes, are told at the start', async () => {
  const dir = await goodSet()
  const leaf = await forge({ issuer: ca, usage: 'server', commonName: 'last' })
  await writeSet(dir, { server: { ...leaf, cert: ca.cert + leaf.cert } })
  expect(await failure(dir, 'server')).toMatchObject({
    code: 'KEY_MISMATCH',
    message: expect.stringContaining('is the key of CN=last, which is not the first certificate in'),
    hint: expect.stringContaining('first'),
  })
  await writeSet(dir, { server: await forge({ issuer: ca, usage: 'server', keyType: 'ec-p224' }) })
  expect(await failure(dir, 'server')).toMatchObject({
    code: 'CERT_INVALID',
    message: expect.stringContaining('curve that is not taken'),
  })
})

test('a CA file of several CAs is taken whole; one that is no CA is refused', async () => {
  const dir = await goodSet()
  const next = await forgeCa({ commonName: 'Next CA' })
  writeFileSync(join(dir, 'ca.crt'), ca.cert + next.cert)
  const { anchors } = await loadMaterial(parseTlsConfig({ certDir: dir }, 'client'), 'client')
  expect(anchors.map(({ commonName }) => commonName)).toEqual(['Forged CA', 'Next CA'])
  writeFileSync(join(dir, 'ca.crt'), ca.cert + server.cert)
  const error = await failure(dir, 'client')
  expect(error).toMatchObject({
    code: 'CERT_INVALID',
    message: expect.stringContaining('is not a CA certificate'),
  })
})

test('what no peer would accept is told at the start; one that signed itself may be for peers in demo mode', async () => {
  const cases: [Role, Forged, RegExp][] = [
    [
      'server',
      await forge({ issuer: ca, usage: 'none' }),
      /no extended key usage .*no client would accept it/,
    ],
    ['client', await forge({ issuer: ca, usage: 'client', keyUsage: ['keyEncipherment'] }), /may not sign/],
    ['server', await forge({ issuer: ca, usage: 'server', isCa: true }), /is a CA certificate/],
    ['server', await forge({ issuer: ca, usage: 'server', criticalUnknown: true }), /critical extension/],
    ['client', await forge({ issuer: ca, usage: 'client', hash: 'SHA-1' }), /weak signature/],
  ]
  for (const [role, forged, words] of cases) {
    const dir = await goodSet()
    await writeSet(dir, { [role]: forged })
    const error = await failure(dir, role)
    expect(error.code).toBe('CERT_INVALID')
    expect(error.message).toMatch(words)
  }
  const dir = await goodSet()
  await writeSet(dir, { server: await forge({ usage: 'none' }) })
  const material = await loadMaterial(parseTlsConfig({ certDir: dir, demoMode: true }, 'server'), 'server')
  expect(material.certificate.selfIssued).toBe(true)
  // Servers of other makers take a client without a use.
  await writeSet(dir, { client: await forge({ issuer: ca, usage: 'none' }) })
  const { certificate } = await loadMaterial(parseTlsConfig({ certDir: dir }, 'client'), 'client')
  expect(certificate.extendedKeyUsage).toBeUndefined()
})

test('a revocation list is taken from beside the CA; one that cannot be read is an error', async () => {
  const dir = await goodSet()
  await writeSet(dir, { crl: await forgeCrl({ issuer: ca, revoked: ['ab'] }) })
  const { crls } = await loadMaterial(parseTlsConfig({ certDir: dir }, 'server'), 'server')
  expect(crls?.lists.map(({ issuer }) => issuer)).toEqual(['CN=Forged CA'])
  writeFileSync(join(dir, 'ca.crl'), 'hello')
  expect(await failure(dir, 'server')).toMatchObject({
    code: 'CERT_INVALID',
    message: expect.stringContaining(join(dir, 'ca.crl')),
  })
})

test.each(['server', 'client'] as const)(
  'what stands in the place of the list and cannot be read stops the start of a %s, whatever may be missing',
  async (role) => {
    for (const crlMissing of ['refuse', 'allow'] as const) {
      const dir = await goodSet()
      mkdirSync(join(dir, 'ca.crl')) // root may read every file; nobody reads a directory
      const config = parseTlsConfig({ certDir: dir, crlMissing }, role)
      await expect(loadMaterial(config, role)).rejects.toMatchObject({
        code: 'CERT_NOT_FOUND',
        message: expect.stringContaining(join(dir, 'ca.crl')),
      })
    }
  },
)

test('a list that the settings name and that goes away is an error, unless lists may be missing', async () => {
  const dir = await goodSet()
  const crl = join(dir, 'named.crl')
  const goneAfterwards = (crlMissing: 'refuse' | 'allow') => {
    writeFileSync(crl, '')
    const config = parseTlsConfig({ certDir: dir, crl, crlMissing }, 'server')
    rmSync(crl)
    return loadMaterial(config, 'server')
  }
  expect((await goneAfterwards('allow')).crls).toBeUndefined()
  await expect(goneAfterwards('refuse')).rejects.toMatchObject({
    code: 'CERT_NOT_FOUND',
    message: expect.stringContaining(crl),
  })
})

test.each([
  ['another CA', async () => forgeCrl({ issuer: await forgeCa({ commonName: 'Other CA' }) })],
  ['another CA of the same name', async () => forgeCrl({ issuer: await forgeCa() })],
  [
    'nobody, its signature being corrupted',
    async () => {
      const text = await forgeCrl({ issuer: ca })
      const der = Buffer.from(text.replace(/-----.*-----/g, ''), 'base64')
      return corruptSignature({ ...ca, der }).cert.replaceAll('CERTIFICATE', 'X509 CRL')
    },
  ],
])('a revocation list of %s is a mistake that stops the start', async (_what, crl) => {
  const dir = await goodSet()
  await writeSet(dir, { crl: await crl() })
  expect(await failure(dir, 'server')).toMatchObject({ code: 'CERT_INVALID' })
})

test('demo mode does without a CA file, but not with a bad one', async () => {
  const dir = await goodSet()
  rmSync(join(dir, 'ca.crt'))
  const config = parseTlsConfig({ certDir: dir, demoMode: true }, 'server')
  const material = await loadMaterial(config, 'server')
  expect(material).toMatchObject({ mode: 'demo', anchors: [] })
  // Empty, not absent: Node would trust the public CAs.
  expect(material.identity.ca).toEqual([])
  writeFileSync(join(dir, 'ca.crt'), 'hello')
  expect((await failure(dir, 'server', { demoMode: true })).code).toBe('CERT_INVALID')
})

test('a key of one version never meets a certificate of another while a link is switched', async () => {
  const dir = scratch()
  const versions = [server, await forge({ issuer: ca, usage: 'server', commonName: 'renewed' })]
  for (const [index, version] of versions.entries())
    await writeSet(join(dir, `v${index}`), { ca, server: version, client })
  const live = join(dir, 'live')
  const point = (index: number) => {
    symlinkSync(`v${index}`, `${live}.next`)
    renameSync(`${live}.next`, live)
  }
  point(0)
  const config = parseTlsConfig({ certDir: live }, 'server')
  let switches = 0
  let running = true
  const switching = (async () => {
    while (running) {
      point(++switches % 2)
      await new Promise(setImmediate)
    }
  })()
  const seen = new Set<string | undefined>()
  for (let round = 0; round < 200; round++) {
    const loaded = await loadMaterial(config, 'server').catch((error: MtlsError) => error)
    // Five switches in five readings are a mismatch; what loads always fits.
    if (loaded instanceof MtlsError) expect(loaded.code).toBe('KEY_MISMATCH')
    else seen.add(loaded.certificate.commonName)
  }
  running = false
  await switching
  expect(switches).toBeGreaterThan(100)
  expect(seen).toEqual(new Set(['mcp-server', 'renewed']))
})

test('no copy, log or JSON of material shows the key', async () => {
  const ca = await forgeCa()
  const client = await forge({ issuer: ca, usage: 'client' })
  const certDir = scratch()
  await writeSet(certDir, { ca, client })
  const material = await loadMaterial(parseTlsConfig({ certDir }, 'client'), 'client')
  for (const text of [
    JSON.stringify(material),
    JSON.stringify({ ...material }),
    inspect(material, { depth: 9 }),
  ])
    expect(text).not.toContain('PRIVATE')
  expect(material.identity.key).toContain('PRIVATE')
  for (const secret of ['identity', 'ticketKeys', 'context'])
    expect(Object.keys(material)).not.toContain(secret)
})

test('session tickets outlive another certificate, and no other trust', async () => {
  const dir = await goodSet()
  const config = parseTlsConfig({ certDir: dir }, 'server')
  const first = await loadMaterial(config, 'server')
  await writeSet(dir, { server: await forge({ issuer: ca, usage: 'server' }) })
  const renewed = await loadMaterial(config, 'server', first)
  expect(renewed.version).not.toBe(first.version)
  expect(renewed.context).not.toBe(first.context)
  expect(renewed.ticketKeys).toEqual(first.ticketKeys)
  writeFileSync(join(dir, 'ca.crt'), `${ca.cert}${(await forgeCa()).cert}`)
  const widened = await loadMaterial(config, 'server', renewed)
  expect(widened.ticketKeys).not.toEqual(first.ticketKeys)
})
