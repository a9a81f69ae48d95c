import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import type { MtlsError } from '../../src/errors.js'
import { CrlSet } from '../../src/judge/crl-set.js'
import { buildPath } from '../../src/judge/path.js'
import { isWarning } from '../../src/pki/check/check-finding.js'
import { checkFiles } from '../../src/pki/index.js'
import { type Verdict, verdict } from '../../src/tls/peer/verdict.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { bareServer, callAsBareClient } from '../support/bare-peers.js'
import { type Forged, forgeCa, writeSet } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { holdsOnBothSidesAsync } from '../support/sides.js'
import { tier } from '../support/tier.js'
import { makeWorld, serveTest } from '../support/world.js'
import { build, type World, type WorldSpec, worlds } from '../support/worlds.js'

/** Refused by us and not by `openssl verify -x509_strict`, for a rule of ours. */
const ourRules: readonly (readonly [words: RegExp, reason: string])[] = [
  [/has no extended key usage/, 'the use must be said; for OpenSSL none is any'],
  [/may not sign \(key usage\)/, 'a handshake is signed; OpenSSL is content with key agreement'],
  [/beside its SPIFFE ID/, 'SPIFFE allows one URI'],
  [/no SPIFFE ID, DNS name, common name or email/, 'who has no name is nobody'],
  [/has the name \*\.\S+ which .* must not give/, 'a wildcard stands for the name that is excluded, too'],
  [/does not cover \S+, only (no name at all|[\da-f.:, ]+)$/, 'RFC 9525: a common name is no host name'],
]

/** Refused by `openssl verify -x509_strict` and not by us. */
const theirRules: readonly (readonly [error: RegExp, reason: string])[] = [
  [
    /error 88 at/,
    'form alone: beside an empty subject the names should be marked critical; TLS does not ask for it',
  ],
  [/error 7 at [1-9]/, 'OpenSSL follows one way; another one does not lead over the broken signature'],
]

const runs = tier(40, 3000)

test('worlds are judged as openssl judges them, but for rules that are written down', async () => {
  await holdsOnBothSidesAsync(
    worlds,
    async (spec) => {
      const world = await build(spec)
      const ours = judged(spec, world)
      const theirs = openssl(spec, world)
      if (ours.accepted && theirs !== '') expect(theirs).toMatch(anyOf(theirRules))
      if (!ours.accepted && theirs === '') expect(ours.message).toMatch(anyOf(ourRules))
      return ours.accepted
    },
    { runs, accepted: runs / 40, refused: runs / 10 },
  )
})

const liveRuns = tier(25, 600)

test('cert-check, a server and a client say of a world what the judge says', async () => {
  await holdsOnBothSidesAsync(
    worlds,
    async (spec) => {
      const world = await build(spec)
      const ours = judged(spec, world)
      const wanted = ours.accepted ? 'accepted' : ours.code
      const isAsked = ours.accepted || ours.code !== 'SERVER_NAME_MISMATCH'
      if (isAsked) expect(await checked(spec, world)).toBe(ours.accepted)
      const outcome = await live(spec, world)
      if (ours.accepted && isBroken(spec)) expect(['accepted', invalid[spec.purpose]]).toContain(outcome)
      else if (ours.accepted || (isInOrder(spec) && outcome !== noStart)) expect(outcome).toBe(wanted)
      else expect(outcome).not.toBe('accepted')
      return ours.accepted
    },
    { runs: liveRuns, accepted: liveRuns / 25, refused: liveRuns / 10 },
  )
})

/** Over a broken signature OpenSSL's word counts in a handshake, whatever other way there is. */
function isBroken({ leaf, authorities }: WorldSpec): boolean {
  return leaf.corrupt || authorities.some(({ corrupt }) => corrupt)
}

/**
 * A chain each of whose certificates follows the one that it issued, without another fault at its signatures. Of others
 * Node shows a part to whoever refuses them, so that there another reason may come first.
 */
function isInOrder(spec: WorldSpec): boolean {
  const isOneWay = spec.authorities.every(({ sibling }) => sibling === undefined)
  return !isBroken(spec) && isOneWay && (spec.trusted || spec.reversed || spec.authorities.length < 3)
}

/** Nobody is let in by files that are wrong in themselves: a list of a CA that is none of these. */
const noStart = 'no start'

const invalid = { client: 'CERT_INVALID', server: 'SERVER_CERT_INVALID' }

function anyOf(rules: readonly (readonly [RegExp, string])[]): RegExp {
  return new RegExp(rules.map(([{ source }]) => source).join('|'))
}

function judged(spec: WorldSpec, { leaf, presented, trusted, crl }: World): Verdict {
  const read = ({ cert }: Forged) => readCertificate(cert)
  const purpose = spec.purpose === 'client' ? 'clientAuth' : 'serverAuth'
  const now = new Date()
  const path = buildPath(read(leaf), presented.map(read), trusted.map(read), { now, purpose })
  const crls = crl === undefined ? undefined : new CrlSet(readCrls(crl, 'ca.crl'))
  const rules = { mode: 'strict', crls } as const
  const facts = { path, authorizationError: undefined }
  return spec.purpose === 'client'
    ? verdict(facts, { ...rules, peer: 'client' }, now)
    : verdict(facts, { ...rules, peer: 'server', serverName: spec.host }, now)
}

/** What `openssl verify` says against it; nothing when it is content. */
function openssl(spec: WorldSpec, { leaf, presented, trusted, crl }: World): string {
  const directory = scratch()
  const pem = (all: readonly Forged[]) => all.map(({ cert }) => cert).join('')
  const files = { leaf: leaf.cert, trusted: pem(trusted), presented: pem(presented), crl: crl ?? '' }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const host = isIP(spec.host) ? ['-verify_ip', spec.host] : ['-verify_hostname', spec.host]
  const args = [
    ...['verify', '-x509_strict', '-purpose', `ssl${spec.purpose}`, '-CAfile', 'trusted'],
    ...(spec.purpose === 'server' ? host : []),
    ...(presented.length > 0 ? ['-untrusted', 'presented'] : []),
    ...(crl === undefined ? [] : ['-crl_check_all', '-CRLfile', 'crl']),
    'leaf',
  ]
  try {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
    return ''
  } catch (error) {
    return String((error as { stderr: Buffer }).stderr)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Whether `cert-check` finds it healthy, beside the `ca.crt` and `ca.crl` of its verifier. */
async function checked({ purpose }: WorldSpec, { leaf, presented, trusted, crl }: World): Promise<boolean> {
  const directory = scratch()
  const files = { 'ca.crt': trusted, [`${purpose}.crt`]: [leaf, ...presented] }
  for (const [name, all] of Object.entries(files))
    writeFileSync(join(directory, name), all.map(({ cert }) => cert).join(''))
  if (crl !== undefined) writeFileSync(join(directory, 'ca.crl'), crl)
  const [first] = await checkFiles([join(directory, `${purpose}.crt`)])
  return first?.problems.every(isWarning) === true
}

/** What a server of ours answers to such a client, or a client of ours thinks of such a server: `accepted`, or the code. */
async function live(spec: WorldSpec, { leaf, presented, trusted, crl }: World): Promise<string> {
  const pem = (all: readonly Forged[]) => all.map(({ cert }) => cert).join('')
  const shown = { cert: leaf.cert + pem(presented), key: leaf.key }
  await using ours = await makeWorld({ ca: await forgeCa({ commonName: 'Of the verifier' }) })
  const ca = { ...ours.ca, cert: pem(trusted) }
  await writeSet(ours.certDir, { ca, ...(crl !== undefined && { crl }) })
  if (spec.purpose === 'client') {
    const served = await serveTest({ tls: ours.tls, watch: false }).catch(() => undefined)
    if (!served) return noStart
    await using _stop = served
    const { status, body } = await callAsBareClient(served.server.port, { shown })
    return status === 200 ? 'accepted' : JSON.parse(body).reason
  }
  await using server = await bareServer(shown)
  const fetch = mtlsFetch(ours.tls, { serverName: spec.host, watch: false })
  try {
    return (await fetch(server.url)).ok ? 'accepted' : 'answered'
  } catch (error) {
    const { code, message } = error as MtlsError
    return message.includes('is not a revocation list of a CA in') ? noStart : code
  } finally {
    await fetch.close()
  }
}
