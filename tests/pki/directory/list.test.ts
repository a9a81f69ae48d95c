import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import {
  addCertificate,
  finishRotation,
  type IssuedStatus,
  listIssued,
  makeCertificateSet,
  renewCertificates,
  revokeCertificate,
  rotateAuthority,
} from '../../../src/pki/index.js'
import { refusalOf } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'

let certDir: string
beforeEach(async () => {
  certDir = join(scratch(), 'certs')
  await makeCertificateSet({ certDir })
})

async function statuses(
  options: { now?: Date; withinDays?: number } = {},
): Promise<[string, IssuedStatus][]> {
  const { entries } = await listIssued({ caDir: certDir, ...options })
  return entries.map(({ certificate, status }) => [certificate.commonName ?? '', status])
}

test('what is no directory is told so', async () => {
  const caDir = join(certDir, 'server.crt')
  expect(await refusalOf(listIssued({ caDir }))).toMatchObject({
    code: 'CERT_DIR_NOT_FOUND',
    message: `${caDir} is no directory`,
  })
})

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)

test('what was issued is valid, then expiring, then expired; the key of the CA is not needed', async () => {
  rmSync(join(certDir, 'ca.key'))
  for (const [now, status] of [
    [new Date(), 'valid'],
    [inDays(340), 'expiring'],
    [inDays(366), 'expired'],
  ] as const)
    expect((await statuses({ now })).map(([, status]) => status)).toEqual([status, status])
  expect((await statuses({ withinDays: 400 }))[0]?.[1]).toBe('expiring')
})

test('what was replaced, by renewal or by force, says by what', async () => {
  await addCertificate({ certDir, type: 'client', name: 'agent' })
  await addCertificate({ certDir, type: 'client', name: 'agent', force: true })
  await renewCertificates({ certDir, name: 'server', all: true })
  expect((await statuses()).sort()).toEqual([
    ['agent', 'replaced'],
    ['agent', 'valid'],
    ['mcp-client', 'valid'],
    ['mcp-server', 'replaced'],
    ['mcp-server', 'valid'],
  ])
  const { entries } = await listIssued({ caDir: certDir })
  const serials = entries.map(({ certificate }) => certificate.serial)
  for (const { status, replacedBy } of entries)
    if (status === 'replaced') expect(serials).toContain(replacedBy)
})

test('what was renewed here and should have been again is expiring before the end is near', async () => {
  await renewCertificates({ certDir, name: 'server', all: true })
  const at = async (part: number) => Object.fromEntries(await statuses({ now: inDays(part * 365) }))
  const renewed = { 'mcp-server': 'valid', 'mcp-client': 'valid' }
  expect(await at(0.76)).toMatchObject(renewed)
  expect(await at(0.77)).toMatchObject({ ...renewed, 'mcp-server': 'expiring' })
  expect(await at(0.92)).toMatchObject({ 'mcp-server': 'expiring', 'mcp-client': 'expiring' })
})

test('what was revoked says when and why, also after a change of CA', async () => {
  const certificate = join(certDir, 'client.crt')
  const { serial } = await revokeCertificate({ certDir, certificate, reason: 'keyCompromise' })
  await rotateAuthority({ certDir })
  await finishRotation({ certDir, force: true })
  const { entries } = await listIssued({ caDir: certDir })
  const entry = entries.find(({ certificate }) => certificate.serial === serial)
  expect(entry).toMatchObject({ status: 'revoked', revocation: { reason: 'keyCompromise' } })
  expect((await statuses()).filter(([, status]) => status === 'untrusted')).toHaveLength(2) // server and old CA
})

test('a file that was damaged, or left by a killed writer, is told and hides nothing else', async () => {
  writeFileSync(join(certDir, 'issued', 'abcd.crt'), '-----BEGIN CERTIFICATE-----\nMIIB')
  writeFileSync(join(certDir, 'issued', '.tmp'), 'half')
  const { entries, damaged } = await listIssued({ caDir: certDir })
  expect(entries).toHaveLength(2)
  expect(damaged).toEqual([join(certDir, 'issued', 'abcd.crt')])
  await renewCertificates({ certDir, all: true })
})

test('a directory that has issued nothing is an error that names --ca-dir', async () => {
  expect(await refusalOf(listIssued({ caDir: scratch() }))).toMatchObject({
    code: 'CERT_NOT_FOUND',
    hint: expect.stringContaining('--ca-dir'),
  })
})
