import { join } from 'node:path'
import { expect, test } from 'vitest'
import { certificatesOf } from '../../src/monitor/certificates.js'
import { checkFiles } from '../../src/pki/index.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { forge, forgeCa, forgeCrl } from '../support/forge.js'
import { makeWorld, type World } from '../support/world.js'

const now = new Date()
const inDays = (days: number) => new Date(now.getTime() + days * 86_400_000)

async function statusOf(world: World, shown: ReadonlyMap<string, string> = new Map()) {
  const facts = [...shown].map(
    ([url, cert]) => [url, { certificate: readCertificate(Buffer.from(cert)), refused: undefined }] as const,
  )
  const files = await checkFiles([world.certDir], { withinDays: 30 })
  return certificatesOf(files, new Map(facts), { withinDays: 30, now })
}

test('a certificate in a file and shown by servers is one, with all its places', async () => {
  await using world = await makeWorld()
  const shown = new Map([
    ['https://a:1', world.server.cert],
    ['https://b:2', world.server.cert],
  ])
  const all = await statusOf(world, shown)
  expect(all).toHaveLength(3)
  expect(all.find(({ serial }) => serial === world.server.serial)).toMatchObject({
    type: 'server',
    level: 'ok',
    days_left: 89,
    places: [join(world.certDir, 'server.crt'), 'https://a:1', 'https://b:2'],
  })
})

test('what ends first comes first, lists too; what is broken says why before what ends soon', async () => {
  const ca = await forgeCa()
  const client = await forge({ issuer: ca, usage: 'client', notAfter: inDays(10) })
  const crl = await forgeCrl({ issuer: ca, revoked: [client.serial] })
  await using world = await makeWorld({ ca, client, crl })
  const all = await statusOf(world)
  expect(all.map(({ type }) => type).slice(0, 2)).toEqual(['crl', 'client'])
  expect(all[1]).toMatchObject({ level: 'critical', days_left: 9 })
  expect(all[1]?.problems.map(({ code }) => code)).toEqual(['CERT_REVOKED', 'CERT_EXPIRING'])
})

test('a certificate that only a server shows is judged by its dates', async () => {
  await using world = await makeWorld()
  const foreign = await forge({ usage: 'server', commonName: 'foreign', notAfter: inDays(3) })
  const all = await statusOf(world, new Map([['https://a:1', foreign.cert]]))
  expect(all[0]).toMatchObject({ subject: 'CN=foreign', level: 'warning', places: ['https://a:1'] })
})

test('names without end are cut, and nothing of a key is told', async () => {
  const ca = await forgeCa()
  const client = await forge({ issuer: ca, usage: 'client', commonName: 'x'.repeat(20_000) })
  await using world = await makeWorld({ ca, client })
  const text = JSON.stringify(await statusOf(world))
  expect(text.length).toBeLessThan(10_000)
  expect(text).not.toMatch(/PRIVATE|BEGIN/)
})
