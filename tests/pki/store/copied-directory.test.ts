import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  addCertificate,
  checkFiles,
  finishRotation,
  makeCertificateSet,
  renewCertificates,
  revokeCertificate,
  rotateAuthority,
} from '../../../src/pki/index.js'
import { treeOf } from '../../support/file-tree.js'
import { scratch } from '../../support/scratch.js'

let certDir: string
let original: string
beforeEach(async () => {
  original = join(scratch(), 'certs')
  await makeCertificateSet({ certDir: original })
  await revokeCertificate({ certDir: original, certificate: join(original, 'client.crt') })
  certDir = join(scratch(), 'copy')
  execFileSync('cp', ['-rL', original, certDir]) // what `scp -r` makes, too
})

const read = (path: string) => readFileSync(join(certDir, path), 'utf8')
const isLink = (name: string) => lstatSync(join(certDir, name)).isSymbolicLink()
const hasProblems = async () =>
  (await checkFiles([certDir]))
    .flatMap(({ problems }) => problems)
    .filter(({ code }) => code !== 'CERT_REVOKED')

const changes: [string, (certDir: string) => Promise<unknown>, changed: string][] = [
  ['issuing', (certDir) => addCertificate({ certDir, type: 'client', name: 'bob' }), 'bob.crt'],
  ['renewing', (certDir) => renewCertificates({ certDir, all: true }), 'server.crt'],
  [
    'revoking',
    (certDir) => revokeCertificate({ certDir, certificate: join(certDir, 'server.crt') }),
    'ca.crl',
  ],
  ['a change of CA', (certDir) => rotateAuthority({ certDir }), 'ca.crt'],
  ['making all anew', (certDir) => makeCertificateSet({ certDir, force: true }), 'ca.key'],
]

describe('a directory that was copied with its links followed', () => {
  test.each(changes)('takes %s, and loses nothing', async (_what, change, changed) => {
    expect(isLink('.current')).toBe(false)
    const before = treeOf(certDir)
    await change(certDir)
    expect(isLink('.current')).toBe(true)
    expect(isLink(changed)).toBe(true)
    expect(await hasProblems()).toEqual([])
    const kept = Object.values(treeOf(join(certDir, '.generations')))
    for (const name of ['server.crt', 'server.key', 'ca.crt', 'ca.key', 'ca.crl'])
      expect(kept).toContain(before[`.current/${name}`])
    await change(certDir).catch(() => undefined) // it goes on like every other
    expect(await hasProblems()).toEqual([])
  })

  test('what its files say counts, not the folder', async () => {
    writeFileSync(join(certDir, '.current', 'server.crt'), 'old')
    await addCertificate({ certDir, type: 'client', name: 'bob' })
    expect(read('server.crt')).toBe(readFileSync(join(original, 'server.crt'), 'utf8'))
    expect(isLink('server.crt')).toBe(false)
  })

  test('its folder is removed in time, like other generations', async () => {
    const [existing] = readdirSync(join(certDir, '.generations')).slice(-1)
    await addCertificate({ certDir, type: 'client', name: 'bob' })
    const folder = String(Number(existing) + 1).padStart(4, '0')
    expect(existsSync(join(certDir, '.generations', folder, 'server.key'))).toBe(true)
    for (const name of ['a', 'b', 'c']) await addCertificate({ certDir, type: 'client', name })
    for (const name of readdirSync(join(certDir, '.generations')))
      utimesSync(join(certDir, '.generations', name), 0, 0)
    await addCertificate({ certDir, type: 'client', name: 'd' })
    expect(existsSync(join(certDir, '.generations', folder))).toBe(false)
  })

  test('the key of a CA that is gone is in it no more', async () => {
    await rotateAuthority({ certDir: original })
    await renewCertificates({ certDir: original })
    rmSync(certDir, { recursive: true })
    execFileSync('cp', ['-rL', original, certDir])
    const key = read('ca.key').split('-----BEGIN')[2] ?? 'no second key'
    await finishRotation({ certDir, force: true })
    expect(Object.values(treeOf(certDir)).filter((text) => text.includes(key))).toEqual([])
  })
})

test('a directory of which a part was copied in another way is refused, unchanged', async () => {
  rmSync(join(certDir, 'server.crt'))
  symlinkSync('.current/server.crt', join(certDir, 'server.crt'))
  const before = treeOf(certDir)
  for (const [, change] of changes)
    await expect(change(certDir)).rejects.toMatchObject({
      code: 'CERT_WRITE_FAILED',
      message: expect.stringMatching(/\.current is a folder and .*server\.crt a link into it/),
      hint: expect.stringContaining('cp -rL'),
    })
  expect(treeOf(certDir)).toEqual(before)
})

test('a file in the place of the link is refused, and what lies beside it is read', async () => {
  rmSync(join(certDir, '.current'), { recursive: true })
  writeFileSync(join(certDir, '.current'), 'a file')
  const before = treeOf(certDir)
  for (const [, change] of changes)
    await expect(change(certDir)).rejects.toMatchObject({
      code: 'CERT_WRITE_FAILED',
      message: `${join(certDir, '.current')} is a file where a link of ours belongs`,
    })
  expect(treeOf(certDir)).toEqual(before)
  expect((await renewCertificates({ certDir, all: true, dryRun: true })).certificates).toHaveLength(2)
})
