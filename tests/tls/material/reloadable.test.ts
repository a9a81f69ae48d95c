import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseTlsConfig, type Role } from '../../../src/config/index.js'
import { fileSource } from '../../../src/tls/material/file-source.js'
import type { Material } from '../../../src/tls/material/material.js'
import { ReloadableMaterial } from '../../../src/tls/material/reloadable.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import type { RevocationStatus } from '../../../src/x509/revocation.js'
import { type Forged, forge, forgeCa, forgeCrl, writeSet } from '../../support/forge.js'
import { scratch } from '../../support/scratch.js'

const hour = 3_600_000
let ca: Forged
let server: Forged
let client: Forged
let peer: Forged
beforeAll(async () => {
  ca = await forgeCa()
  server = await forge({ issuer: ca, usage: 'server' })
  client = await forge({ issuer: ca, usage: 'client' })
  peer = await forge({ issuer: ca, usage: 'client', commonName: 'peer' })
})

/** A list made so many hours ago that revokes the peer or nobody. */
const list = (revoked: readonly Forged[], hoursAgo = 1, issuer = ca) =>
  forgeCrl({
    issuer,
    revoked: revoked.map(({ serial }) => serial),
    thisUpdate: new Date(Date.now() - hoursAgo * hour),
  })

function statusOf({ cert }: Forged, { crls }: Material, issuer = ca): RevocationStatus | undefined {
  return crls?.status(readCertificate(cert), readCertificate(issuer.cert), new Date())
}

describe.each(['server', 'client'] as Role[])('a %s whose reload fails', (role) => {
  let dir: string
  let material: ReloadableMaterial
  let told: string[]
  let swaps: Material[]
  async function begin(crl?: string, options: object = {}): Promise<void> {
    dir = scratch()
    await writeSet(dir, { ca, server, client, ...(crl !== undefined && { crl }) })
    told = []
    swaps = []
    const config = parseTlsConfig({ certDir: dir, ...options }, role)
    material = await ReloadableMaterial.load(fileSource(config, role), (event) => void told.push(event))
    material.onChange((next) => void swaps.push(next))
  }
  beforeEach(async () => begin())
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text)
  const fails = () => expect(material.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })

  const damages: [string, () => void | Promise<void>][] = [
    ['its key is missing', () => rmSync(join(dir, `${role}.key`))],
    ['its certificate is garbled', () => write(`${role}.crt`, 'garbled')],
    ['its key is that of another', () => write(`${role}.key`, peer.key)],
    ['the file of the CA is broken', () => write('ca.crt', 'broken')],
    ['the CA is another', async () => write('ca.crt', (await forgeCa()).cert)],
  ]
  test.each(damages)('because %s takes up the list all the same', async (_why, damage) => {
    const before = material.current
    await damage()
    write('ca.crl', await list([peer]))
    await fails()
    expect(told).toEqual(['reload-failed'])
    expect(material.last).toMatchObject({ ok: false, error: { code: 'RELOAD_FAILED' } })
    const { current } = material
    expect(swaps).toEqual([current])
    expect(statusOf(peer, current)).toBe('revoked')
    expect(statusOf(role === 'server' ? client : server, current)).toBe('good')
    expect(current.trustVersion).not.toBe(before.trustVersion)
    expect(current.certificate).toBe(before.certificate)
    expect(current.anchors).toBe(before.anchors)
    expect(current.identity).toBe(before.identity)
    expect(Object.keys(current)).not.toContain('identity')
    expect(Object.isFrozen(current)).toBe(true)

    await fails() // with the same list nothing changes
    expect(material.current).toBe(current)
    expect(swaps).toHaveLength(1)

    await writeSet(dir, { ca, server, client })
    expect(await material.reload()).toBe(true)
    expect(material.last).toMatchObject({ ok: true })
    expect(statusOf(peer, material.current)).toBe('revoked')
    expect(material.current.version).not.toBe(current.version)
    expect(await material.reload()).toBe(false)
    expect(told).toEqual(['reload-failed', 'reload-succeeded'])
  })

  const unsound: [string, () => void | Promise<void>][] = [
    ['missing', () => rmSync(join(dir, 'ca.crl'))],
    ['empty', () => write('ca.crl', '')],
    ['garbled', () => write('ca.crl', 'garbled')],
    ['cut off', async () => write('ca.crl', (await list([])).slice(0, 200))],
    ['of another CA', async () => write('ca.crl', await list([], 0, await forgeCa()))],
    [
      'by a CA that only calls itself so',
      async () => write('ca.crl', await list([], 0, { ...ca, privateKey: peer.privateKey })),
    ],
  ]
  test.each(unsound)('and whose list is %s goes on with the one in use', async (_what, spoil) => {
    await begin(await list([peer]))
    const { current } = material
    rmSync(join(dir, `${role}.key`))
    await spoil()
    await fails()
    expect(material.current).toBe(current)
    expect(statusOf(peer, current)).toBe('revoked')
    expect(swaps).toEqual([])
  })

  test('goes back to no older list, and keeps that of a CA of which there is none any more', async () => {
    const other = await forgeCa({ commonName: 'Other CA' })
    const stranger = await forge({ issuer: other, usage: 'client' })
    dir = scratch()
    await begin()
    write('ca.crt', ca.cert + other.cert)
    write('ca.crl', (await list([peer], 2)) + (await list([stranger], 2, other)))
    await material.reload()
    write(`${role}.key`, 'garbled')
    write('ca.crl', await list([], 3))
    await fails()
    expect(statusOf(peer, material.current)).toBe('revoked')
    expect(statusOf(stranger, material.current, other)).toBe('revoked')
    write('ca.crl', await list([], 1)) // newer: it counts, as after a good reload
    await fails()
    expect(statusOf(peer, material.current)).toBe('good')
    expect(statusOf(stranger, material.current, other)).toBe('revoked')
    expect(material.current.crls?.lists).toHaveLength(2)
    expect(swaps).toHaveLength(3)
  })

  test('takes up every list that comes while it fails', async () => {
    write(`${role}.key`, 'garbled')
    for (const [index, revoked] of [[], [peer], [peer, client, server]].entries()) {
      write('ca.crl', await list(revoked, 3 - index))
      await fails()
    }
    expect(swaps.map((one) => statusOf(peer, one))).toEqual(['good', 'revoked', 'revoked'])
    expect(swaps.map((one) => statusOf(client, one))).toEqual(['good', 'good', 'revoked'])
    expect(told).toEqual(['reload-failed']) // the same fault is told once
  })

  test('and then has the files of before takes these up as new', async () => {
    const crl = await list([], 2)
    await begin(crl)
    write(`${role}.key`, 'garbled')
    write('ca.crl', await list([peer], 1))
    await fails()
    write(`${role}.key`, (role === 'server' ? server : client).key)
    write('ca.crl', crl)
    expect(await material.reload()).toBe(true)
    expect(statusOf(peer, material.current)).toBe('good')
  })
})
