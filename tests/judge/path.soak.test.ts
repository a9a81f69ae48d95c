import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { buildPath, pathFault } from '../../src/judge/path.js'
import { type CertificateFacts, readCertificate } from '../../src/x509/certificate.js'
import { type Forged, forge, forgeCa } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { holdsOnBothSidesAsync } from '../support/sides.js'
import { tier } from '../support/tier.js'

// Worlds of CAs that were renewed, signed each other, and expired: whatever openssl finds a path in, we find one in; and what
// we find holds, link by link.

const day = 86_400_000
const runs = tier(40, 2000)
const letters = ['Root', 'Two', 'Three', 'Four'] as const

let keys: readonly Forged[]
beforeAll(async () => {
  keys = await Promise.all(letters.map((commonName) => forgeCa({ commonName })))
})

interface Link {
  /** Which CA, and who signed its certificate. */
  readonly of: number
  readonly by: number
  readonly state: 'valid' | 'expired' | 'early'
  readonly place: 'trusted' | 'presented' | 'both'
  readonly pathLength: number | undefined
}

const link = fc.record<Link>({
  of: fc.nat(3),
  by: fc.nat(3),
  state: fc.oneof(
    { weight: 5, arbitrary: fc.constant('valid' as const) },
    { weight: 2, arbitrary: fc.constantFrom('expired' as const, 'early' as const) },
  ),
  place: fc.constantFrom('trusted', 'presented', 'both'),
  pathLength: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(1) }),
})
/** A root that is trusted, a chain below it, and more links in any order. */
const world = fc.record({
  extra: fc.array(link, { maxLength: 6 }),
  depth: fc.integer({ min: 0, max: 3 }),
  order: fc.infiniteStream(fc.nat()),
})

const dates = {
  valid: {},
  expired: { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) },
  early: { notBefore: new Date(Date.now() + day) },
}

async function certificateOf({ of, by, state, pathLength }: Link): Promise<Forged> {
  const [subject, issuer] = [keys[of] as Forged, keys[by] as Forged]
  return forgeCa({
    commonName: letters[of] ?? '',
    keyOf: subject,
    ...(of !== by && { issuer }),
    ...(pathLength !== undefined && { pathLength }),
    ...dates[state],
  })
}

test('a path is found wherever openssl finds one, and what is found holds', async () => {
  await holdsOnBothSidesAsync(
    world,
    async ({ extra, depth, order }) => {
      const usual = Array.from({ length: depth + 1 }, (_, index): Link => {
        const place = index === 0 ? 'trusted' : 'presented'
        return { of: index, by: Math.max(0, index - 1), state: 'valid', place, pathLength: undefined }
      })
      // One of the usual links may be missing: then only another way leads up.
      const links = [...usual.filter((_, index) => index !== (order.next().value ?? 0) % 5), ...extra]
      const placed = await Promise.all(
        links.map(async (one) => ({ ...one, forged: await certificateOf(one) })),
      )
      placed.sort(() => ((order.next().value ?? 0) % 2) - 0.5)
      const at = (place: Link['place']) =>
        placed.filter((one) => one.place === place || one.place === 'both').map(({ forged }) => forged)
      const leaf = await forge({ issuer: keys[depth] as Forged, usage: 'client' })
      const ours = find(leaf, at('presented'), at('trusted'))
      if (openssl(leaf, at('presented'), at('trusted'))) expect(ours).toBe(true)
      return ours
    },
    { runs, accepted: runs / 4, refused: runs / 10 },
  )
})

function find(leaf: Forged, presented: readonly Forged[], trusted: readonly Forged[]): boolean {
  const read = ({ cert }: Forged): CertificateFacts => readCertificate(cert)
  const rules = { now: new Date(), purpose: 'clientAuth' } as const
  const path = buildPath(read(leaf), presented.map(read), trusted.map(read), rules)
  if (!path.anchored || pathFault(path, rules) !== undefined) return false
  for (const [index, { x509 }] of path.certificates.entries()) {
    const issuer = (path.certificates[index + 1] ?? path.certificates[index])?.x509
    expect(issuer && x509.checkIssued(issuer) && x509.verify(issuer.publicKey)).toBe(true)
  }
  const top = path.certificates.at(-1)?.fingerprint256
  expect(trusted.map(read).map(({ fingerprint256 }) => fingerprint256)).toContain(top)
  return true
}

function openssl(leaf: Forged, presented: readonly Forged[], trusted: readonly Forged[]): boolean {
  const directory = scratch()
  const write = (name: string, all: readonly Forged[]) =>
    writeFileSync(join(directory, name), all.map(({ cert }) => cert).join(''))
  write('leaf', [leaf])
  write('trusted', trusted)
  write('presented', presented)
  const given = [
    ...(trusted.length > 0 ? ['-CAfile', 'trusted'] : ['-no-CAfile', '-no-CApath']),
    ...(presented.length > 0 ? ['-untrusted', 'presented'] : []),
  ]
  try {
    execFileSync('openssl', ['verify', ...given, 'leaf'], { cwd: directory, stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
