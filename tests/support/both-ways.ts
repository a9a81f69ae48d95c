import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mtlsFetch, type SecurityEvent } from '../../src/client/index.js'
import type { Relaxation } from '../../src/tls/peer/verdict.js'
import { bareServer, callAsBareClient, type Shown, type TlsVersion, tlsVersions } from './bare-peers.js'
import type { Forged, ForgedSet } from './forge.js'
import { makeWorld, type Served, serveTest, type World } from './world.js'

export type Usage = 'client' | 'server'

/** A reason for which a certificate is refused, as a client reads it in the `403`. */
export type Refused =
  | 'CLIENT_CERT_REQUIRED'
  | 'CERT_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_REVOKED'
  | 'CERT_INVALID'
  | 'CLIENT_CERT_REJECTED'

/** One kind of certificate, and what has to become of a peer that shows it. */
export interface Row {
  /** Completes "a client with …". */
  readonly title: string
  readonly show: (ca: Forged, usage: Usage) => Promise<Shown> | Shown
  readonly strict: Refused | 'accepted'
  /** A list: accepted and warned, with these relaxations. */
  readonly demo: Refused | 'accepted' | readonly Relaxation[]
  /** On TLS 1.2 OpenSSL's server has no suite for some certificates and breaks off by itself. */
  readonly serverVersions?: readonly TlsVersion[]
}

/** Every row on both TLS versions, in both modes: shown to our server by a client, and by a server to our client. */
export function bothWays(
  rows: readonly Row[],
  replace: () => Promise<Partial<ForgedSet>> = async () => ({}),
) {
  let world: World
  beforeAll(async () => {
    world = await makeWorld(await replace())
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const made = new Map<string, Promise<Shown>>()
  /** Made once for all modes and versions: RSA and DSA keys take their time. */
  const show = async ({ title, show }: Row, usage: Usage): Promise<Shown> => {
    const name = `${usage} ${title}`
    const shown = made.get(name) ?? Promise.resolve(show(world.ca, usage))
    made.set(name, shown)
    return shown
  }

  describe.each(['strict', 'demo'] as const)('%s mode', (mode) => {
    const tls = () => ({ certDir: world.certDir, demoMode: mode === 'demo' })
    let served: Served
    let usual: number
    beforeAll(async () => {
      served = await serveTest({ tls: tls() })
      // Not 200 where the revocation list or the CA itself is what is wrong.
      usual = (await callAsBareClient(served.server.port, { shown: world.client })).status
    })
    afterAll(() => served[Symbol.asyncDispose]())

    for (const row of rows) {
      for (const version of tlsVersions) {
        const wanted = row[mode]
        const fate = `on ${version}: ${fateOf(wanted)}`

        test(`a client with ${row.title}, ${fate}`, async () => {
          const shown = await show(row, 'client')
          served.events.length = served.calls.length = 0
          const answer = await callAsBareClient(served.server.port, { shown, version, say: 'let me in' })
          expectOutcome(served.events, wanted, version)
          if (!isRefused(wanted)) {
            expect(answer.status).toBe(200)
            return expect(served.calls).toEqual(['let me in'])
          }
          expect(answer.status).toBe(403)
          expect(JSON.parse(answer.body)).toMatchObject({
            jsonrpc: '2.0',
            id: null,
            error: { data: { error: 'mtls_rejected', reason: wanted } },
            reason: wanted,
          })
          expect(served.calls).toEqual([])
          // The server is unharmed.
          const good = await callAsBareClient(served.server.port, { shown: world.client, version })
          expect(good.status).toBe(usual)
        })

        if (row.serverVersions?.includes(version) === false) continue
        test(`a server with ${row.title}, ${fate}`, async () => {
          await using server = await bareServer(await show(row, 'server'), version)
          const events: SecurityEvent[] = []
          const fetch = mtlsFetch(tls(), { onSecurityEvent: (event) => events.push(event) })
          try {
            const answer = fetch(server.url)
            if (isRefused(wanted)) {
              const code = serverCode(wanted)
              await expect(answer).rejects.toMatchObject({ name: 'MtlsError', code })
              expectOutcome(events, code, version)
              expect(server.requests()).toBe(0)
            } else {
              expect((await answer).status).toBe(200)
              expectOutcome(events, wanted, version)
              expect(fetch.connection(server.url)?.verified).toBe(wanted === 'accepted')
            }
          } finally {
            await fetch.close()
          }
        })
      }
    }
  })
}

function isRefused(wanted: Row['demo']): wanted is Refused {
  return typeof wanted === 'string' && wanted !== 'accepted'
}

function expectOutcome(events: readonly SecurityEvent[], wanted: Row['demo'] | string, version: TlsVersion) {
  const told = events.filter(({ event }) => !/^(connection-closed|certificate-expiring)$/.test(event))
  const lines = told.map((event) =>
    [event.event, 'relaxed' in event ? event.relaxed.join() : '', 'reason' in event ? event.reason : '']
      .filter(Boolean)
      .join(' '),
  )
  const relaxed = typeof wanted === 'string' ? undefined : wanted
  const refused = relaxed === undefined && wanted !== 'accepted'
  if (refused) expect(lines).toEqual([`connection-refused ${wanted}`])
  else if (relaxed) expect(lines).toEqual(['connection-accepted', `verification-relaxed ${relaxed.join()}`])
  else expect(lines).toEqual(['connection-accepted'])
  const { connection } = told[0] as Extract<SecurityEvent, { event: 'connection-accepted' }>
  const { tlsVersion, state, resumed, verified, peer } = connection
  expect({ tlsVersion, state, resumed, verified }).toEqual({
    tlsVersion: version,
    state: refused ? 'failed' : 'verified',
    resumed: false,
    verified: wanted === 'accepted',
  })
  if (refused) expect(peer).toBeUndefined()
  if (relaxed) expect(peer?.id).toBe(`unverified:sha256:${connection.peerCertificate?.fingerprint256}`)
}

function fateOf(wanted: Row['demo']): string {
  if (typeof wanted !== 'string') return 'accepted and warned of'
  return wanted === 'accepted' ? wanted : `refused: ${wanted}`
}

/** The same reasons when it is the server's certificate that we refuse. */
function serverCode(refused: Refused): string {
  return /^CERT_(EXPIRED|NOT_YET_VALID|REVOKED)$/.test(refused) ? refused : 'SERVER_CERT_INVALID'
}
