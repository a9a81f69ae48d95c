import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { forgeCa, forgeCrl } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { tier } from '../support/tier.js'
import { certificateByLibrary, crlByLibrary } from './library.js'
import { mutated, numbersFrom } from './mutation.js'

// Whatever we read, the library that read it before reads too, and alike. What we refuse and it reads is not DER.

const configuration = `[req]
distinguished_name = dn
prompt = no
utf8 = yes
[dn]
C = DE
O = Ex Ämple
OU = Unit+Two
CN = leaf
emailAddress = a@b.example
[v]
basicConstraints = critical,CA:TRUE,pathlen:3
keyUsage = critical,keyCertSign,cRLSign,digitalSignature,nonRepudiation
extendedKeyUsage = serverAuth,clientAuth,1.2.3.4
subjectAltName = DNS:a.example,IP:127.0.0.1,IP:::1,email:x@y.example,URI:spiffe://a/b,dirName:dn,RID:1.2.3
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer:always
crlDistributionPoints = full,relative
nameConstraints = permitted;DNS:example,permitted;dirName:dn,excluded;IP:10.0.0.0/255.0.0.0
certificatePolicies = 1.2.3.4
nsCertType = client,server
[full]
fullname = URI:http://x/crl,DNS:crl.example,dirName:dn,email:q@r.example
reasons = keyCompromise,CACompromise
[relative]
relativename = rdn
CRLissuer = dirName:dn
[rdn]
CN = relative
`
const kinds = [
  ['utf8only', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ['default', '-newkey', 'ed25519'],
  ['nombstr', '-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss'],
] as const

function certificates(): Buffer[] {
  const cwd = scratch()
  return kinds.map(([mask, ...key]) => {
    writeFileSync(
      join(cwd, 'c.cnf'),
      configuration.replace('utf8 = yes', `utf8 = yes\nstring_mask = ${mask}`),
    )
    const made = ['-nodes', '-config', 'c.cnf', '-extensions', 'v', '-keyout', 'key', '-outform', 'DER']
    execFileSync('openssl', ['req', '-x509', ...made, '-out', 'der', ...key], { cwd, stdio: 'ignore' })
    return readFileSync(join(cwd, 'der'))
  })
}

async function lists(): Promise<Buffer[]> {
  const issuer = await forgeCa({ organization: 'Ö' })
  const points = [undefined, { uri: 'http://x/crl', only: 'ca' as const }, { uri: 'http://y/crl' }]
  return Promise.all(
    points.map(async (issuingPoint) => {
      const options = { issuer, revoked: ['abcd', '8f00'], number: 7, ...(issuingPoint && { issuingPoint }) }
      return Buffer.from((await forgeCrl(options)).replace(/-----.*-----|\n/g, ''), 'base64')
    }),
  )
}

function ifReadable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Reads mutations of all these in both ways; counts those that were read, and that the library alone read. */
function compare<Facts extends object>(
  all: readonly Buffer[],
  seed: number,
  ours: (der: Buffer) => Facts,
  theirs: (der: Buffer, facts: Facts) => Partial<Record<keyof Facts, unknown>>,
) {
  const next = numbersFrom(seed)
  const counts = { alike: 0, refused: 0 }
  for (const der of all) expect(ours(der)).toMatchObject(theirs(der, ours(der)))
  for (let run = 0; run < tier(1_500, 100_000); run++) {
    const der = mutated(all[run % all.length] as Buffer, next)
    const facts = ifReadable(() => ours(der))
    if (facts === undefined) {
      counts.refused += 1
      continue
    }
    const expected = ifReadable(() => theirs(der, facts))
    if (expected === undefined) throw new Error(`read by us alone: ${der.toString('hex')}`)
    expect(facts, der.toString('hex')).toMatchObject(expected)
    counts.alike += 1
  }
  return counts
}

test('a certificate that we read, the library reads alike', () => {
  // OpenSSL writes anew what was not DER outside of the signed part.
  const byLibrary = (_: Buffer, { x509 }: CertificateFacts) => certificateByLibrary(x509.raw)
  const counts = compare(certificates(), 5280, (der) => readCertificate(der), byLibrary)
  expect(counts.alike).toBeGreaterThan(100)
  expect(counts.refused).toBeGreaterThan(500)
})

test('a revocation list that we read, the library reads alike', async () => {
  const list = (der: Buffer) => {
    const [one] = readCrls(der, 'list')
    if (!one) throw new RangeError('no list')
    return one
  }
  const counts = compare(await lists(), 5280, list, crlByLibrary)
  expect(counts.alike).toBeGreaterThan(100)
  expect(counts.refused).toBeGreaterThan(500)
})
