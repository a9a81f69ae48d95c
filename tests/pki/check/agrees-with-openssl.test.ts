import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { isWarning } from '../../../src/pki/check/check-finding.js'
import { type Checked, checkFiles, createAuthority, issue } from '../../../src/pki/index.js'
import {
  corruptSignature,
  type Forged,
  type ForgedKeyType,
  type ForgeOptions,
  forge,
  forgeCa,
  forgeCrl,
} from '../../support/forge.js'
import { scratch } from '../../support/scratch.js'

const day = 86_400_000
const days = (count: number) => new Date(Date.now() + count * day)

interface Case {
  /** The trusted CAs, PEM. */
  readonly ca: string
  readonly leaf: string
  /** What comes with the leaf, PEM. */
  readonly chain?: string
  readonly crl?: string
  readonly type?: 'server' | 'client'
}

/** What `openssl verify` and our check say about the same files: accepted or not. */
async function verdicts({ ca, leaf, chain = '', crl, type = 'server' }: Case) {
  const directory = scratch()
  const at = (name: string) => join(directory, name)
  const files = { 'ca.crt': ca, 'leaf.crt': leaf, 'chain.pem': chain, [`${type}.crt`]: leaf + chain }
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text)
  if (crl !== undefined) writeFileSync(at('ca.crl'), crl)
  const args = [
    ...['verify', '-purpose', `ssl${type}`, '-CAfile', at('ca.crt')],
    // As Node does it: no partial chains, and not what this machine trusts.
    ...['-no-CApath', '-no-CAstore'],
    ...(chain ? ['-untrusted', at('chain.pem')] : []),
    ...(crl === undefined ? [] : ['-crl_check_all', '-CRLfile', at('ca.crl')]),
    at('leaf.crt'),
  ]
  const { status } = spawnSync('openssl', args, { encoding: 'utf8' })
  const [judged] = await checkFiles([at(`${type}.crt`)])
  return { openssl: status === 0, ours: accepts(judged) }
}

function accepts(checked: Checked | undefined): boolean {
  return checked?.problems.every(isWarning) === true
}

let ca: Forged
beforeAll(async () => {
  ca = await forgeCa()
})

const keyTypes: readonly ForgedKeyType[] = ['ec-p256', 'ec-p384', 'ed25519', 'rsa']

test.each(keyTypes)('both accept what a %s CA signed, and what it revoked both refuse', async (keyType) => {
  const authority = await forgeCa({ keyType })
  for (const type of ['server', 'client'] as const) {
    const [good, bad] = [
      await forge({ issuer: authority, usage: type, keyType }),
      await forge({ issuer: authority, usage: type }),
    ]
    const crl = await forgeCrl({ issuer: authority, revoked: [bad.serial] })
    const shared = { ca: authority.cert, type }
    expect(await verdicts({ ...shared, leaf: good.cert })).toEqual({ openssl: true, ours: true })
    expect(await verdicts({ ...shared, leaf: good.cert, crl })).toEqual({ openssl: true, ours: true })
    expect(await verdicts({ ...shared, leaf: bad.cert, crl })).toEqual({ openssl: false, ours: false })
  }
})

test.each(['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const)(
  'both accept what we make with %s',
  async (keyType) => {
    const authority = await createAuthority({ keyType })
    for (const type of ['server', 'client'] as const) {
      const { certificate } = await issue(authority, { type, commonName: 'one.example', keyType })
      const verdict = await verdicts({ ca: authority.certificate, leaf: certificate, type })
      expect(verdict).toEqual({ openssl: true, ours: true })
    }
  },
)

const faults: readonly (readonly [title: string, options: ForgeOptions])[] = [
  ['that expired', { notAfter: days(-0.5) }],
  ['that is not valid yet', { notBefore: days(1) }],
  ['for clients', { usage: 'client', dns: ['localhost'] }],
  ['without digitalSignature', { keyUsage: ['keyAgreement'], keyType: 'ed25519' }],
  ['with an unknown critical extension', { criticalUnknown: true }],
]

test.each(faults)('both refuse a server certificate %s', async (title, options) => {
  const leaf = await forge({ issuer: ca, usage: 'server', ...options })
  const { openssl, ours } = await verdicts({ ca: ca.cert, leaf: leaf.cert })
  expect(ours).toBe(false)
  // OpenSSL is content with any of three bits; the handshakes of today need this one.
  expect(openssl).toBe(title === 'without digitalSignature')
})

test('both refuse broken signatures, strangers, and chains with a CA missing, revoked or too many', async () => {
  const server = { usage: 'server' } as const
  const intermediate = await forgeCa({ issuer: ca })
  const narrow = await forgeCa({ issuer: ca, pathLength: 0, commonName: 'Narrow' })
  const below = await forgeCa({ issuer: narrow, commonName: 'Below' })
  const notCa = await forge({ issuer: ca, ...server, commonName: 'No CA' })
  const clients = await forge({ issuer: ca, isCa: true, usage: 'client', commonName: 'Clients only' })
  const leafOf = (issuer: Forged) => forge({ issuer, ...server })
  const leaf = await leafOf(intermediate)
  const crls = async (...revoked: string[]) =>
    (await forgeCrl({ issuer: ca, revoked })) + (await forgeCrl({ issuer: intermediate }))
  const chain = intermediate.cert
  const cases: [string, Case, boolean][] = [
    ['whole chain', { ca: ca.cert, leaf: leaf.cert, chain }, true],
    ['chain and lists', { ca: ca.cert, leaf: leaf.cert, chain, crl: await crls() }, true],
    ['intermediate among the trusted', { ca: ca.cert + chain, leaf: leaf.cert }, true],
    ['no intermediate', { ca: ca.cert, leaf: leaf.cert }, false],
    ['no root', { ca: chain, leaf: leaf.cert }, false],
    ['one list missing', { ca: ca.cert, leaf: leaf.cert, chain, crl: await forgeCrl({ issuer: ca }) }, false],
    [
      'intermediate revoked',
      { ca: ca.cert, leaf: leaf.cert, chain, crl: await crls(intermediate.serial) },
      false,
    ],
    ['too long', { ca: ca.cert, leaf: (await leafOf(below)).cert, chain: below.cert + narrow.cert }, false],
    ['issued by no CA', { ca: ca.cert, leaf: (await leafOf(notCa)).cert, chain: notCa.cert }, false],
    ['CA for clients', { ca: ca.cert, leaf: (await leafOf(clients)).cert, chain: clients.cert }, false],
    ['bad signature', { ca: ca.cert, leaf: corruptSignature(await leafOf(ca)).cert }, false],
    ['stranger', { ca: ca.cert, leaf: (await leafOf(await forgeCa())).cert }, false],
    ['self-signed', { ca: ca.cert, leaf: (await forge(server)).cert }, false],
  ]
  for (const [title, given, expected] of cases)
    expect({ title, ...(await verdicts(given)) }).toEqual({ title, openssl: expected, ours: expected })
})

test('both refuse everybody under a list that is late, early, or signed by another', async () => {
  const leaf = await forge({ issuer: ca, usage: 'server' })
  const lists = [
    await forgeCrl({ issuer: ca, thisUpdate: days(-2), nextUpdate: days(-1) }),
    await forgeCrl({ issuer: ca, thisUpdate: days(1), nextUpdate: days(2) }),
    await forgeCrl({ issuer: await forgeCa() }),
    await forgeCrl({ issuer: await forgeCa({ commonName: 'Stranger' }) }),
  ]
  for (const crl of lists)
    expect(await verdicts({ ca: ca.cert, leaf: leaf.cert, crl })).toEqual({ openssl: false, ours: false })
})
