import { getCiphers } from 'node:tls'
import { MtlsError } from '../../errors.js'
import type { Authority } from '../../pki/index.js'
import { exchange } from '../connect/exchange.js'
import { type ClientIdentity, type OpenOptions, openTls, serverAt } from '../connect/open-tls.js'
import { answerToPlainHttp, cutsSlowHandshake } from '../connect/raw-connections.js'
import { refusalIn } from '../connect/refusal.js'
import type { Baseline } from '../diagnose/diagnose.js'
import { type Found, StepFailure, type Steps } from '../diagnose/steps.js'
import { makeStrangers } from './strangers.js'

export interface AuditOptions {
  /** With it the expired and the misused certificate come from a CA that the server knows. */
  readonly authority?: Authority | undefined
  /** How long a handshake may stall before the server must cut it, milliseconds. */
  readonly slowHandshakeMs?: number
}

/** Whether a stranger was refused, and with which message. */
interface Outcome {
  readonly refused: boolean
  readonly how: string
  /** Given all the same. */
  readonly session?: Buffer | undefined
}

const older = ['TLSv1', 'TLSv1.1'] as const
const newer = ['TLSv1.2', 'TLSv1.3'] as const

/** All suites of this OpenSSL other than ECDHE or DHE with AEAD; suites of TLS 1.3 are all good. */
const weakSuites = getCiphers()
  .filter((name) => !/^tls_|^(ec)?dhe-(ecdsa|rsa)-.*(gcm|chacha20)|psk|srp/.test(name))
  .map((name) => name.toUpperCase())

const hints = {
  versions: 'nginx: `ssl_protocols TLSv1.2 TLSv1.3;`, Node: `minVersion: "TLSv1.2"`.',
  suites: 'nginx: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`, Node: the option `ciphers`.',
  certificate:
    'nginx: `ssl_verify_client on;` and `ssl_client_certificate` with your CA alone; Node: `requestCert: true, rejectUnauthorized: true` and `ca`.',
  plain: 'Serve no plain HTTP on this port.',
  slow: 'nginx: `client_header_timeout 5s;`, Node: `handshakeTimeout: 5000`.',
  resumption: 'Judge the certificate of resumed connections too, and give no session to who was refused.',
  renegotiation: 'Node: `secureOptions: SSL_OP_NO_RENEGOTIATION`; or speak TLS 1.3 alone.',
}

/**
 * Tries what a server must refuse, one step each. It needs a server that accepts our own certificate: a server that
 * refuses everyone proves nothing, and then the steps are reported as not run.
 */
export async function audit(
  baseline: Baseline | undefined,
  { authority, slowHandshakeMs = 8000 }: AuditOptions,
  steps: Steps,
): Promise<void> {
  const needs = { client_certificate: baseline }
  // Started first: it takes the longest.
  const slow = baseline && cutsSlowHandshake(baseline.target, slowHandshakeMs)
  const strangers = await makeStrangers(authority)
  const check = (name: string, hint: string, act: (baseline: Baseline) => Promise<Outcome>) =>
    steps.run(name, needs, async ({ client_certificate }) => found(await act(client_certificate), hint))
  const refuses = (name: string, identity: ClientIdentity | undefined, aside = '') =>
    check(`refuses_${name}`, hints.certificate, async (baseline) => {
      const outcome = await connectAs(baseline, { identity })
      return { ...outcome, how: outcome.how + aside }
    })
  const caveat = authority
    ? ''
    : '; but it was of an unknown CA too: --ca-dir with the key of the CA tests this alone'

  await check('refuses_old_versions', hints.versions, ({ target }) => offerOlder(target))
  await check('refuses_weak_suites', hints.suites, ({ target }) =>
    offer(target, { maxVersion: 'TLSv1.2', ciphers: `${weakSuites.join(':')}:@SECLEVEL=0` }),
  )
  await refuses('no_certificate', undefined)
  await refuses('another_ca', strangers.otherCa)
  await refuses('self_signed', strangers.selfSigned)
  await refuses('expired', strangers.expired, caveat)
  await refuses('wrong_usage', strangers.serverAsClient, caveat)
  await check('refuses_plain_http', hints.plain, sendPlainHttp)
  await check('refuses_resumed_strangers', hints.resumption, (baseline) =>
    resumeAs(baseline, [undefined, strangers.otherCa]),
  )
  await check('refuses_renegotiation', hints.renegotiation, ({ target }) => renegotiate(target))
  await check('cuts_slow_handshakes', hints.slow, async () => {
    const after = await slow
    return {
      refused: after !== undefined,
      how: after === undefined ? `still open after ${slowHandshakeMs} ms` : `cut after ${after} ms`,
    }
  })
}

function found({ refused, how }: Outcome, hint: string): Found<true> {
  return { value: true, detail: how, problem: refused ? undefined : { code: 'NOT_REFUSED', hint } }
}

type Attempt = Pick<OpenOptions, 'identity' | 'session' | 'offer'>

/** Connects with another certificate, and checks whether the server answers as it answered us. */
async function connectAs({ target, path, answer }: Baseline, as: Attempt): Promise<Outcome> {
  return unlessHandshakeFails(async () => {
    const result = await exchange({ ...target, ...as }, path)
    const refusal = refusalIn(result, serverAt(target))
    const { session } = result
    const { status } = result.answer ?? {}
    if (refusal)
      return {
        refused: true,
        how: status ? `HTTP ${status} ${refusal.code}` : `connection ended (${result.ended})`,
        session,
      }
    // A server may refuse with an HTTP status, as long as it answered us differently.
    const refused = /^40[13]$/.test(String(status)) && status !== answer?.status
    return { refused, how: `HTTP ${status}`, session }
  })
}

/** One handshake with different parameters and our own certificate: a refusal is about the parameters. */
async function offer(target: OpenOptions, wanted: Required<OpenOptions>['offer']): Promise<Outcome> {
  return unlessHandshakeFails(async () => {
    const socket = await openTls({ ...target, offer: wanted })
    const how = `${socket.getProtocol()} with ${socket.getCipher().standardName}`
    socket.destroy()
    return { refused: false, how }
  })
}

async function offerOlder(target: OpenOptions): Promise<Outcome> {
  const outcomes: Outcome[] = []
  for (const version of older)
    outcomes.push(
      // Level 0: at any other level OpenSSL would not even offer them.
      await offer(target, { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }),
    )
  return (
    outcomes.find(({ refused }) => !refused) ?? {
      refused: true,
      how: `${older.join(', ')}: ${outcomes[0]?.how}`,
    }
  )
}

async function sendPlainHttp({ target, path, answer }: Baseline): Promise<Outcome> {
  const plain = await answerToPlainHttp(target, path)
  if (!plain) return { refused: true, how: 'no answer to plain HTTP' }
  const { status, text } = plain
  // nginx and Go say that the request should have been HTTPS.
  const refused = /HTTPS/.test(text) || (status >= 300 && status !== answer?.status)
  return { refused, how: `HTTP ${status} to plain HTTP` }
}

/** A refused client returns with the session that it was given. */
async function resumeAs(
  baseline: Baseline,
  identities: readonly (ClientIdentity | undefined)[],
): Promise<Outcome> {
  let refused = 0
  let sessions = 0
  for (const identity of identities) {
    for (const version of newer) {
      const as = { identity, offer: { minVersion: version, maxVersion: version } }
      const first = await connectAs(baseline, as)
      if (!first.refused) continue // reported by another line
      refused += 1
      if (!first.session) continue
      sessions += 1
      const again = await connectAs(baseline, { ...as, session: first.session })
      if (!again.refused)
        return { refused: false, how: `${again.how} over ${version} with the session of a refused stranger` }
    }
  }
  if (refused === 0) return { refused: false, how: 'strangers need no session to be let in' }
  return {
    refused: true,
    how: sessions === 0 ? 'strangers get no session' : `refused again, ${sessions} sessions tried`,
  }
}

async function renegotiate(target: OpenOptions): Promise<Outcome> {
  return unlessHandshakeFails(async () => {
    const socket = await openTls({ ...target, offer: { maxVersion: 'TLSv1.2', secureOptions: 0 } })
    const done = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 2000)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve(false)
      })
      socket.on('error', () => resolve(false)).resume()
      socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(!error))
    })
    socket.destroy()
    return { refused: !done, how: done ? 'renegotiated at our wish' : 'not renegotiated' }
  })
}

/** A handshake that the server ends is a refusal; one that hangs, or that we could not begin, proves nothing. */
async function unlessHandshakeFails(act: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await act()
  } catch (error) {
    if (
      !(error instanceof MtlsError) ||
      !/^(TLS_HANDSHAKE_FAILED|UNSUPPORTED_TLS_VERSION|CIPHER_MISMATCH|CLIENT_CERT_REQUIRED)$/.test(
        error.code,
      )
    )
      throw error
    const { code } = error.cause as NodeJS.ErrnoException
    if (/NO_PROTOCOLS_AVAILABLE|NO_CIPHERS_AVAILABLE|LEGACY_SIGALG/.test(code ?? ''))
      throw new StepFailure(
        'NOT_RUN',
        `this Node cannot offer it (${code})`,
        'Run it with another version of Node.',
      )
    return { refused: true, how: `handshake ended (${code})` }
  }
}
