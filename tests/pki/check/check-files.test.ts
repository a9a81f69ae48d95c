import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type CheckFilesOptions, checkFiles, makeCertificateSet } from '../../../src/pki/index.js'
import {
  corruptSignature,
  type Forged,
  type ForgedSet,
  type ForgeOptions,
  forge,
  forgeCa,
  forgeCrl,
  writeSet,
} from '../../support/forge.js'
import { scratch } from '../../support/scratch.js'

const day = 86_400_000
const days = (count: number) => new Date(Date.now() + count * day)

let ca: Forged
let server: Forged
let client: Forged
beforeAll(async () => {
  ca = await forgeCa({ notAfter: days(1000) })
  server = await forge({ issuer: ca, usage: 'server', notAfter: days(200) })
  client = await forge({ issuer: ca, usage: 'client', notAfter: days(200) })
})

const serverWith = (options: ForgeOptions) =>
  forge({ issuer: ca, usage: 'server', notAfter: days(200), ...options })

/** A healthy set of files but for what is replaced. */
async function directory(replace: ForgedSet = {}): Promise<string> {
  const certDir = scratch()
  await writeSet(certDir, { ca, server, client, ...replace })
  return certDir
}

/** `server.crt server CODE CODE` for each row that has a problem. */
async function wrong(paths: string | readonly string[], options: CheckFilesOptions = {}) {
  const all = await checkFiles([paths].flat(), { withinDays: 30, ...options })
  return all
    .filter(({ problems }) => problems.length > 0)
    .map(({ path, type, problems }) =>
      [path.split('/').at(-1), type, ...problems.map(({ code }) => code)].join(' '),
    )
}

test('a store that we made is healthy, and so are plain files; each certificate is a row', async () => {
  const certDir = scratch()
  await makeCertificateSet({ certDir })
  expect((await checkFiles([certDir])).map(({ type, problems }) => [type, problems])).toEqual([
    ['ca', []],
    ['server', []],
    ['client', []],
  ])
  const plain = await directory({ crl: await forgeCrl({ issuer: ca }) })
  const rows = await checkFiles([plain], { withinDays: 30 })
  expect(rows.map(({ type, problems }) => [type, problems])).toEqual([
    ['ca', []],
    ['server', []],
    ['client', []],
    ['crl', []],
  ])
})

test('a CA that is kept elsewhere is checked there, its encrypted key without its passphrase', async () => {
  const [certDir, caDir] = [scratch(), scratch()]
  await makeCertificateSet({ certDir, caDir })
  expect(await wrong([certDir, caDir])).toEqual([])
  const encrypted = client.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-128-cbc',
    passphrase: 'p',
  })
  rmSync(join(caDir, 'ca.key'))
  writeFileSync(join(caDir, 'ca.key'), encrypted, { mode: 0o600 })
  expect(await wrong([certDir, caDir])).toEqual([])
  expect(await wrong([certDir, caDir], { passphrase: 'p' })).toEqual(['ca.crt ca KEY_MISMATCH'])
})

interface Fault {
  readonly title: string
  readonly set: () => Promise<ForgedSet> | ForgedSet
  readonly expected: readonly string[]
}

const faults: readonly Fault[] = [
  {
    title: 'expired',
    set: async () => ({ server: await serverWith({ notAfter: days(-0.5) }) }),
    expected: ['server.crt server CERT_EXPIRED'],
  },
  {
    title: 'not yet valid',
    set: async () => ({ server: await serverWith({ notBefore: days(1) }) }),
    expected: ['server.crt server CERT_NOT_YET_VALID'],
  },
  {
    title: 'about to expire',
    set: async () => ({ server: await serverWith({ notAfter: days(29) }) }),
    expected: ['server.crt server CERT_EXPIRING'],
  },
  {
    title: 'longer lived than its CA',
    set: async () => ({ server: await serverWith({ notAfter: days(2000) }) }),
    expected: ['server.crt server CERT_OUTLIVES_CA'],
  },
  {
    title: 'of a stranger',
    set: async () => ({ server: await serverWith({ issuer: await forgeCa({ commonName: 'Stranger' }) }) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'self-signed',
    set: async () => ({ server: await forge({ usage: 'server', notAfter: days(200) }) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'of a broken signature',
    set: () => ({ server: corruptSignature(server) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'without its own key',
    set: () => ({ server: { ...server, key: client.key } }),
    expected: ['server.crt server KEY_MISMATCH'],
  },
  {
    title: 'in the place of another',
    set: () => ({ server: client, client: server }),
    expected: ['server.crt server CERT_INVALID CERT_INVALID', 'client.crt client CERT_INVALID'],
  },
  {
    title: 'without names',
    set: async () => ({ server: await serverWith({ dns: [], ip: [], commonName: 'localhost' }) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'of a weak key',
    set: async () => ({ server: await serverWith({ keyType: 'rsa', keySize: 1024 }) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'of a weak signature',
    set: async () => ({ server: await serverWith({ hash: 'SHA-1' }) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'of an unknown critical extension',
    set: async () => ({ server: await serverWith({ criticalUnknown: true }) }),
    expected: ['server.crt server CERT_INVALID'],
  },
  {
    title: 'revoked',
    set: async () => ({ crl: await forgeCrl({ issuer: ca, revoked: [client.serial] }) }),
    expected: ['client.crt client CERT_REVOKED'],
  },
  {
    title: 'under an expired revocation list',
    set: async () => ({ crl: await forgeCrl({ issuer: ca, thisUpdate: days(-2), nextUpdate: days(-1) }) }),
    expected: ['server.crt server CRL_EXPIRED', 'client.crt client CRL_EXPIRED', 'ca.crl crl CRL_EXPIRED'],
  },
  {
    title: 'under a revocation list that ends soon',
    set: async () => ({ crl: await forgeCrl({ issuer: ca, thisUpdate: days(-20), nextUpdate: days(9) }) }),
    expected: ['ca.crl crl CRL_EXPIRING'],
  },
  {
    title: 'under a revocation list of somebody else',
    set: async () => ({ crl: await forgeCrl({ issuer: await forgeCa({ commonName: 'Stranger' }) }) }),
    expected: ['server.crt server CRL_INVALID', 'client.crt client CRL_INVALID', 'ca.crl crl CRL_INVALID'],
  },
  {
    title: 'under a revocation list signed by a namesake of its CA',
    set: async () => ({ crl: await forgeCrl({ issuer: await forgeCa() }) }),
    expected: ['server.crt server CRL_INVALID', 'client.crt client CRL_INVALID', 'ca.crl crl CRL_INVALID'],
  },
]

test.each(faults)('a certificate $title is a problem', async ({ set, expected }) => {
  expect(await wrong(await directory(await set()))).toEqual(expected)
})

test('an expired CA is a problem of itself and of all that it issued', async () => {
  const old = await forgeCa({ notAfter: days(-0.5) })
  const set = {
    ca: old,
    server: await serverWith({ issuer: old }),
    client: await forge({ issuer: old, notAfter: days(200) }),
  }
  expect(await wrong(await directory(set))).toEqual([
    'ca.crt ca CERT_EXPIRED',
    'server.crt server CERT_EXPIRED',
    'client.crt client CERT_EXPIRED',
  ])
})

test('files that others may read, and a directory that they may change, are problems', async () => {
  const certDir = await directory()
  chmodSync(join(certDir, 'server.key'), 0o640) // its group may
  chmodSync(join(certDir, 'client.key'), 0o644)
  chmodSync(certDir, 0o775)
  const name = certDir.split('/').at(-1)
  expect(await wrong(certDir)).toEqual([`${name} directory FILE_MODE`, 'client.crt client FILE_MODE'])
})

test('half a pair, no CA, an empty and an absent directory are problems', async () => {
  const certDir = await directory()
  rmSync(join(certDir, 'server.key'))
  rmSync(join(certDir, 'client.crt'))
  expect(await wrong(certDir)).toEqual(['server.key key CERT_NOT_FOUND', 'client.crt client CERT_NOT_FOUND'])
  const lone = await directory()
  rmSync(join(lone, 'ca.crt'))
  expect(await wrong(lone)).toEqual(['server.crt server CERT_NOT_FOUND', 'client.crt client CERT_NOT_FOUND'])
  expect(await wrong(lone, { directories: [await directory()] })).toEqual([])
  expect(await wrong(lone, { demoMode: true })).toEqual([])
  const empty = scratch()
  expect(await wrong(empty)).toEqual([`${empty.split('/').at(-1)} directory CERT_NOT_FOUND`])
  expect(await wrong(join(empty, 'absent'))).toEqual(['absent directory CERT_DIR_NOT_FOUND'])
  expect(await wrong(join(empty, 'absent.crt'))).toEqual(['absent.crt unknown CERT_NOT_FOUND'])
})

test('a key is found by the name of its certificate, by fitting it, or by being named with it', async () => {
  const folder = scratch()
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  write('ca.crt', ca.cert)
  const fullchain = write('fullchain.pem', server.cert + ca.cert)
  const cert = write('cert.pem', server.cert)
  const key = write('privkey.pem', server.key)
  const both = write('both.pem', client.key + client.cert)
  expect(await wrong(folder)).toEqual([])
  expect((await checkFiles([folder])).map(({ type }) => type).sort()).toEqual(
    ['ca', 'ca', 'client', 'server', 'server'].sort(),
  )
  chmodSync(key, 0o644)
  expect(await wrong([fullchain, key])).toEqual(['fullchain.pem server FILE_MODE'])
  chmodSync(key, 0o600)
  expect(await wrong([cert, key])).toEqual([])
  expect(await wrong(both)).toEqual([])
  const other = write('other.pem', client.key)
  expect(await wrong([cert, other])).toEqual(['cert.pem server KEY_MISMATCH'])
  const caFile = join(folder, 'ca.crt')
  expect(await wrong([cert, other, caFile])).toEqual(['cert.pem server KEY_MISMATCH'])
  const [pairCert] = [write('pair.crt', server.cert), write('pair.key', server.key)]
  expect(await wrong(pairCert)).toEqual([])
  expect(await wrong([pairCert, other])).toEqual(['pair.crt server KEY_MISMATCH'])
  expect(await wrong([pairCert, key])).toEqual([])
  write('cert.crt', server.cert)
  write('cert.key', client.key)
  expect(await wrong(join(folder, 'cert.crt'))).toEqual(['cert.crt server KEY_MISMATCH'])
  expect(await wrong(key)).toEqual([])
})

test('an encrypted key needs its passphrase', async () => {
  const passphrase = 'a long one'
  const encrypted = server.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase,
  })
  const certDir = await directory({ server: { ...server, key: encrypted.toString() } })
  expect(await wrong(certDir)).toEqual(['server.crt server KEY_ENCRYPTED'])
  expect(await wrong(certDir, { passphrase: 'another' })).toEqual(['server.crt server KEY_ENCRYPTED'])
  expect(await wrong(certDir, { passphrase })).toEqual([])
  expect(await wrong(join(certDir, 'server.key'))).toEqual(['server.key key KEY_ENCRYPTED'])
})

test('chains over intermediates are followed, and every CA on the way needs a revocation list', async () => {
  const intermediate = await forgeCa({ issuer: ca, notAfter: days(500) })
  const leaf = await serverWith({ issuer: intermediate })
  const chained = { ...leaf, cert: leaf.cert + intermediate.cert }
  const certDir = await directory({ server: chained })
  expect(await wrong(certDir)).toEqual([])
  expect(await wrong(await directory({ server: leaf }))).toEqual(['server.crt server CERT_INVALID'])
  writeFileSync(join(certDir, 'ca.crl'), await forgeCrl({ issuer: ca, revoked: [intermediate.serial] }))
  expect(await wrong(join(certDir, 'server.crt'))).toEqual([
    'server.crt server CRL_INVALID CERT_REVOKED',
    'server.crt ca CERT_REVOKED',
  ])
  const lists =
    (await forgeCrl({ issuer: ca })) + (await forgeCrl({ issuer: intermediate, revoked: [leaf.serial] }))
  writeFileSync(join(certDir, 'ca.crl'), lists)
  expect(await wrong(certDir)).toEqual(['server.crt server CERT_REVOKED'])
  // A CA that is no root ends no chain.
  const noRoot = await directory({ ca: intermediate, server: leaf })
  expect(await wrong(join(noRoot, 'server.crt'))).toEqual(['server.crt server CERT_INVALID'])
})

test('while a CA is replaced, its file holds two, and the key is that of one of them', async () => {
  const next = await forgeCa({ commonName: 'Next CA', notAfter: days(1000) })
  const certDir = await directory({ ca: { ...ca, cert: next.cert + ca.cert } })
  writeFileSync(join(certDir, 'ca.key'), ca.key, { mode: 0o600 })
  expect(await wrong(certDir)).toEqual([])
  writeFileSync(join(certDir, 'ca.key'), client.key)
  expect(await wrong(certDir)).toEqual(['ca.crt ca KEY_MISMATCH'])
})

test('DER is read, of certificates and of revocation lists', async () => {
  const certDir = await directory()
  writeFileSync(join(certDir, 'server.der'), server.der)
  const list = Buffer.from((await forgeCrl({ issuer: ca })).replace(/-----.*-----/g, ''), 'base64')
  writeFileSync(join(certDir, 'ca.crl'), list)
  // A server in strict mode reads PEM alone; what is in the file is judged all the same.
  expect((await checkFiles([certDir])).map(({ type, problems }) => [type, problems])).toEqual([
    ['ca', []],
    ['server', []],
    ['server', []],
    ['client', []],
    ['crl', []],
  ])
})

test('what is there in another form is named, with the command that converts it', async () => {
  const certDir = scratch()
  await writeSet(certDir, { ca, server })
  const at = (name: string) => join(certDir, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: certDir, stdio: 'pipe' })
  openssl(
    'pkcs12',
    '-export',
    '-in',
    'server.crt',
    '-inkey',
    'server.key',
    '-passout',
    'pass:',
    '-out',
    'a.crt',
  )
  writeFileSync(at('b.crt'), Buffer.from(server.cert, 'utf16le'))
  writeFileSync(
    at('server.key'),
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
    {
      mode: 0o600,
    },
  )
  const problems = (await checkFiles([certDir])).flatMap((row) => row.problems)
  expect(problems.map(({ message, hint }) => `${message} ${hint}`).sort()).toEqual([
    expect.stringMatching(/a\.crt: it is a PKCS #12 store Convert it: `openssl pkcs12 /),
    expect.stringMatching(/b\.crt: it is text in UTF-16 Convert it: `iconv /),
    expect.stringMatching(/server\.key: it is a key in the format of OpenSSH Convert it: `.*ssh-keygen /),
  ])
})

test('whatever stands in the place of a file is a line, never a crash', async () => {
  const certDir = scratch()
  await writeSet(certDir, { ca })
  const at = (name: string) => join(certDir, name)
  writeFileSync(at('empty.crt'), '')
  writeFileSync(at('text.crt'), 'no certificate')
  writeFileSync(at('junk.crt'), Buffer.from([0x30, 0x82, 0xff, 0xff, ...Buffer.alloc(5000, 0xaa)]))
  writeFileSync(at('cut.crt'), server.cert.slice(0, 200))
  writeFileSync(at('rot.crt'), server.cert.replace(/\n\w{20}/, '\nAAAAAAAAAAAAAAAAAAAA'))
  writeFileSync(at('junk.crl'), 'junk')
  writeFileSync(at('junk.key'), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', {
    mode: 0o600,
  })
  // Nothing but beginnings: looking for the end of each would take hours.
  writeFileSync(at('starts.crt'), '-----BEGIN CERTIFICATE-----\n'.repeat(140_000))
  writeFileSync(at('starts.crl'), '-----BEGIN X509 CRL-----\n'.repeat(140_000))
  writeFileSync(at('starts.key'), '-----BEGIN PRIVATE KEY-----\n'.repeat(140_000))
  writeFileSync(at('huge.crt'), '')
  truncateSync(at('huge.crt'), 64 * 1024 ** 3)
  mkdirSync(at('folder.crt'))
  symlinkSync('loop.crt', at('loop.crt'))
  symlinkSync('nowhere', at('dangling.crt'))
  execFileSync('mkfifo', [at('pipe.crt')])
  writeFileSync(at('zwölf\x1b[31m\n.crt'), server.cert)
  const found = await wrong(certDir)
  expect(found).toEqual([
    'cut.crt unknown CERT_INVALID',
    'dangling.crt unknown CERT_NOT_FOUND',
    'empty.crt unknown CERT_INVALID',
    'folder.crt unknown CERT_INVALID',
    'huge.crt unknown CERT_INVALID',
    'junk.crt unknown CERT_INVALID',
    'junk.key key CERT_INVALID',
    'loop.crt unknown CERT_NOT_FOUND',
    'pipe.crt unknown CERT_INVALID',
    'rot.crt unknown CERT_INVALID',
    'starts.crt unknown CERT_INVALID',
    'starts.key key CERT_INVALID',
    'text.crt unknown CERT_INVALID',
    'junk.crl crl CERT_INVALID',
    'starts.crl crl CERT_INVALID',
  ])
})

test('a set that is switched while it is read is read as one of both', async () => {
  const certDir = scratch()
  await makeCertificateSet({ certDir })
  await makeCertificateSet({ certDir, force: true })
  const check = () => wrong(certDir)
  const target = (generation: string) => {
    symlinkSync(`.generations/${generation}`, join(certDir, '.next'))
    renameSync(join(certDir, '.next'), join(certDir, '.current'))
  }
  for (let round = 0; round < 20; round++) {
    const found = check()
    for (const generation of ['0001', '0002']) {
      target(generation)
      await new Promise(setImmediate)
    }
    expect(await found).toEqual([])
  }
  copyFileSync(join(certDir, '.generations/0001/server.key'), join(certDir, 'copy.key'))
  expect(await wrong(join(certDir, 'copy.key'))).toEqual([])
})

test('a root that has ended is nothing broken beside one that counts; alone, or above what we use, it is', async () => {
  const old = await forgeCa({ commonName: 'Old', notBefore: days(-9), notAfter: days(-1) })
  const both = { ...ca, cert: old.cert + ca.cert }
  const oldAlone = scratch()
  await writeSet(oldAlone, { ca: old })
  expect(await wrong(await directory({ ca: both }))).toEqual([])
  expect(await wrong(oldAlone)).toEqual(['ca.crt ca CERT_EXPIRED'])
  const below = await forge({ issuer: old, usage: 'server', notAfter: days(200) })
  expect(await wrong(await directory({ ca: both, server: below }))).toEqual([
    'server.crt server CERT_EXPIRED',
  ])
})

test('an old list beside the new one of its CA is no problem; alone it is', async () => {
  const old = await forgeCrl({ issuer: ca, thisUpdate: days(-3), nextUpdate: days(-1) })
  const crl = old + (await forgeCrl({ issuer: ca }))
  expect(await wrong(await directory({ crl }))).toEqual([])
  const forged = old + (await forgeCrl({ issuer: ca, signedBy: server.privateKey }))
  expect((await wrong(await directory({ crl: forged }))).join()).toContain('CRL_EXPIRED')
})
