import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseTlsConfig, type Role } from '../../../src/config/index.js'
import { MtlsError } from '../../../src/errors.js'
import { isWarning } from '../../../src/pki/check/check-finding.js'
import { checkFiles } from '../../../src/pki/index.js'
import { loadMaterial } from '../../../src/tls/material/file-source.js'
import { forgeCrl } from '../../support/forge.js'
import { makeWorld, type World } from '../../support/world.js'

// What people put where PEM is expected: a server, a client and cert-check read the same, and say the same of the rest.

const der = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')

const read: Readonly<Record<string, (pem: string) => string | Buffer>> = {
  'as it is': (pem) => pem,
  'with the line ends of Windows': (pem) => pem.replaceAll('\n', '\r\n'),
  'with a byte order mark': (pem) => `\ufeff${pem}`,
  'in quotes': (pem) => `"${pem.trim()}"\n`,
  'among other text': (pem) => `subject=CN = x\nissuer=CN = y\n${pem}\ntrailing words\n`,
}

const named: Readonly<Record<string, readonly [make: (pem: string) => string | Buffer, words: RegExp]>> = {
  'in UTF-16': [(pem) => Buffer.from(`\ufeff${pem}`, 'utf16le'), /text in UTF-16/],
  'as JSON': [(pem) => JSON.stringify(pem), /\\n written out/],
  'with \\n written out': [(pem) => pem.replaceAll('\n', '\\n'), /\\n written out/],
  'on one line': [(pem) => pem.replaceAll('\n', ' '), /PEM on one line/],
  'without line ends': [(pem) => pem.replaceAll('\n', ''), /PEM on one line/],
  'in YAML': [(pem) => pem.replace(/^/gm, '    '), /spaces before its lines/],
  'with the line ends of old Macs': [(pem) => pem.replaceAll('\n', '\r'), /line ends of old Macs/],
  'cut off': [(pem) => pem.slice(0, -60), /cut off|readable|holds no/],
  'that is base64 alone': [(pem) => der(pem).toString('base64'), /no .* in it|holds no|readable/],
  'that is empty': [() => '', /no .* in it|holds no|readable/],
  'that is something else': [() => 'hello', /no .* in it|holds no|readable/],
}

const places = ['ca.crt', 'ca.crl', 'server.crt', 'server.key', 'client.crt', 'client.key'] as const

async function worldWith(place: string, make: (pem: string) => string | Buffer): Promise<World> {
  const world = await makeWorld()
  writeFileSync(join(world.certDir, 'ca.crl'), await forgeCrl({ issuer: world.ca }))
  const path = join(world.certDir, place)
  writeFileSync(path, make(readFileSync(path, 'latin1')))
  return world
}

/** Why a server, or a client, does not start with these files; nothing when it does. */
async function refusals({ certDir }: World, place: string): Promise<string[]> {
  const roles = (['server', 'client'] as const).filter(
    (role) => place.startsWith('ca') || place.startsWith(role),
  )
  const load = (role: Role) => loadMaterial(parseTlsConfig({ certDir }, role), role)
  const outcomes = await Promise.allSettled(roles.map(load))
  return outcomes.flatMap((outcome) => {
    if (outcome.status === 'fulfilled') return []
    expect(outcome.reason).toBeInstanceOf(MtlsError)
    return [`${outcome.reason.message}; ${outcome.reason.hint}`]
  })
}

async function problems({ certDir }: World): Promise<string[]> {
  const all = (await checkFiles([certDir])).flatMap(({ problems }) => problems)
  return all.filter((one) => !isWarning(one)).map(({ message, hint }) => `${message}; ${hint}`)
}

/** The lines of a list are read whatever stands between them. */
const loose = ['on one line', 'without line ends', 'in YAML', 'with the line ends of old Macs']

test.each([
  ...places.flatMap((place) => Object.keys(read).map((form) => [place, form] as const)),
  ...loose.map((form) => ['ca.crl', form] as const),
])('%s %s is read', async (place, form) => {
  await using world = await worldWith(place, read[form] ?? named[form]?.[0] ?? der)
  expect(await refusals(world, place)).toEqual([])
  expect(await problems(world)).toEqual([])
})

test.each(places.filter((place) => !place.endsWith('.key')))('%s in DER is read', async (place) => {
  await using world = await worldWith(place, der)
  expect(await refusals(world, place)).toEqual([])
  expect(await problems(world)).toEqual([])
})

test.each([
  ...places.flatMap((place) =>
    Object.keys(named)
      .filter((form) => place !== 'ca.crl' || !loose.includes(form))
      .map((form) => [place, form] as const),
  ),
  ...(['server.key', 'client.key'] as const).map((place) => [place, 'in DER'] as const),
])('%s %s is called that, with the way to mend it', async (place, form) => {
  const [make, words] = named[form] ?? [der, /a private key in DER/]
  await using world = await worldWith(place, make)
  const about = (said: string) => said.includes(join(world.certDir, place))
  const all = [...(await refusals(world, place)), ...(await problems(world)).filter(about).slice(0, 1)]
  expect(all.length).toBeGreaterThan(1)
  for (const said of all) {
    expect(said).toMatch(words)
    expect(about(said)).toBe(true)
    expect(said).not.toMatch(/undefined|UNSPECIFIED|ERR_/)
  }
})
