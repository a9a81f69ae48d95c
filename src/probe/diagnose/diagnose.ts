import { lookup } from 'node:dns/promises'
import { isIP, connect as tcpConnect } from 'node:net'
import { refusedServer } from '../../client/connector.js'
import { connectionError, tried } from '../../client/failure.js'
import { endpointOf, isLocalhost, localhostAddresses, parseTlsConfig, waysTo } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { CrlSet } from '../../judge/crl-set.js'
import type { Trust } from '../../pki/check/trust.js'
import { timeText } from '../../text/duration.js'
import { hostPort } from '../../text/host.js'
import { shellWord } from '../../text/shell-word.js'
import { refusalInAlert } from '../../tls/foreign-refusal.js'
import { materialSource } from '../../tls/material/source.js'
import { verdict } from '../../tls/peer/verdict.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { hostsOf } from '../../x509/subject-names.js'
import { askedAuthorities } from '../connect/asked-authorities.js'
import { type Exchange, exchange } from '../connect/exchange.js'
import { type Handshake, handshake } from '../connect/handshake.js'
import { type ClientIdentity, type OpenOptions, serverAt } from '../connect/open-tls.js'
import { refusalIn } from '../connect/refusal.js'
import { type McpOptions, runMcpSteps } from './mcp-steps.js'
import type { Found, Steps } from './steps.js'

export interface DiagnoseOptions extends McpOptions {
  /** The same CAs and lists as in `tls`, readable even if our own certificate is not. */
  readonly trust: Trust
  readonly handshakeTimeoutMs: number
}

/** What an audit needs. */
export interface Baseline {
  readonly target: OpenOptions
  readonly path: string
  /** What the server answered to our own certificate, which it accepted. */
  readonly answer: Exchange['answer']
}

/**
 * Tests a server step by step: from the name to a tool that only reads. Problems are failed steps; nothing is thrown
 * for them. Returns how the server behaves when it accepts a client, undefined when it did not accept us.
 */
export async function diagnose(options: DiagnoseOptions, steps: Steps): Promise<Baseline | undefined> {
  const { url, trust, serverName, serverIds, timeoutMs, handshakeTimeoutMs, signal } = options
  const target = {
    ...endpointOf(url),
    serverName,
    serverIds,
    anchors: [...trust.roots, ...trust.intermediates],
    domains: trust.domains,
    minVersion: options.tls.minVersion,
    timeoutMs: handshakeTimeoutMs,
    signal,
  }
  const own_certificate = await steps.run('own_certificate', {}, () => readOwnCertificate(options))
  const name_resolution = await steps.run('name_resolution', {}, () => resolveName(target, timeoutMs))
  const tcp = await steps.run('tcp', { name_resolution }, () => connectTcp(target, timeoutMs))
  const withOwn = { ...target, identity: own_certificate }
  const tls = await steps.run('tls', { tcp }, () => shakeHands(withOwn))
  // The server can be judged without a certificate of ours, as long as there is a CA to judge by.
  const judgedBy = own_certificate ?? (trust.roots.length > 0 ? trust : undefined)
  const server_certificate = await steps.run(
    'server_certificate',
    { tls, own_certificate: judgedBy },
    async ({ tls }) => judgeServer(tls, options, target),
  )
  const path = `${url.pathname}${url.search}`
  const client_certificate = await steps.run(
    'client_certificate',
    { own_certificate, tls, server_certificate },
    ({ tls }) => presentCertificate(withOwn, path, tls),
  )
  await steps.run('resumption', { client_certificate }, ({ client_certificate }) =>
    resumeSession({ ...withOwn, session: client_certificate.session }, path),
  )
  await runMcpSteps(options, client_certificate, steps)
  return client_certificate && { target: withOwn, path, answer: client_certificate.answer }
}

async function readOwnCertificate({ tls, trust }: DiagnoseOptions): Promise<Found<ClientIdentity>> {
  const material = await materialSource(parseTlsConfig(tls, 'client'), 'client').load(undefined)
  const { cert, key } = material.identity
  const roots = trust.roots.map(({ subject }) => subject).join('; ') || 'no CA at all'
  return {
    value: { cert: String(cert), key: String(key) },
    detail: `${certificateText(material.certificate)}; we trust ${roots}`,
  }
}

async function resolveName({ host, signal }: OpenOptions, timeoutMs: number): Promise<Found<true>> {
  if (isIP(host)) return { value: true, detail: `${host} is an address` }
  if (isLocalhost(host)) return { value: true, detail: `${host} is ${localhostAddresses.join(', ')}` }
  try {
    const found = await within(timeoutMs, signal, lookup(host, { all: true }))
    return { value: true, detail: `${host} is ${found.map(({ address }) => address).join(', ')}` }
  } catch (cause) {
    const { code = 'no answer in time' } = cause as NodeJS.ErrnoException
    throw new MtlsError('CONNECTION_FAILED', `we cannot find an address of ${host} (${code})`, {
      hint: `Check the spelling of the name, and look it up: \`getent hosts ${shellWord(host)}\`.`,
      cause,
    })
  }
}

async function connectTcp({ host, port, signal }: OpenOptions, timeoutMs: number): Promise<Found<true>> {
  const socket = tcpConnect({ host, port, ...waysTo(host) })
  try {
    await within(
      timeoutMs,
      signal,
      new Promise((resolve, reject) => socket.once('connect', resolve).on('error', reject)),
    )
    const { remoteAddress = host } = socket
    return { value: true, detail: `connected to ${hostPort({ host: remoteAddress, port })}` }
  } catch (cause) {
    const { code, message } = connectionError(cause as Error, hostPort({ host, port }))
    const refused = (cause as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    throw new MtlsError(
      code,
      refused ? `nobody listens at ${hostPort({ host, port })} (ECONNREFUSED)${tried(cause)}` : message,
      {
        hint: refused
          ? 'Start the server (`mcp-mtls serve weather`), or correct host and port of the URL.'
          : 'Check the network and firewalls between here and there, and host and port of the URL.',
        cause,
      },
    )
  } finally {
    socket.destroy()
  }
}

async function shakeHands(target: OpenOptions): Promise<Found<Handshake>> {
  try {
    const value = await handshake(target)
    const { tlsVersion, cipherSuite, keyExchange } = value.negotiated
    return { value, detail: [tlsVersion, cipherSuite, keyExchange].filter(Boolean).join(', ') }
  } catch (error) {
    // Up to TLS 1.2 the server judges our certificate within the handshake.
    const cause = error instanceof MtlsError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined
    throw refusalInAlert(cause?.code, serverAt(target)) ?? error
  }
}

function judgeServer({ peer }: Handshake, { tls, trust }: DiagnoseOptions, target: OpenOptions): Found<true> {
  const { demoMode = false, crlMissing } = tls
  const crls = trust.crls && new CrlSet(trust.crls, crlMissing === 'allow')
  const { host, serverName = host, serverIds, domains } = target
  const mode = demoMode ? 'demo' : 'strict'
  const judged = verdict(peer, { peer: 'server', serverName, serverIds, domains, mode, crls }, new Date())
  if (!judged.accepted) throw refusedServer(judged, hostPort(target))
  const [leaf] = judged.path.certificates
  const names = [...hostsOf(leaf.names), ...leaf.names.uri].join(', ')
  const relaxed =
    judged.relaxed.length > 0 ? `; accepted by demo mode only: ${judged.relaxed.join(', ')}` : ''
  return { value: true, detail: `${certificateText(leaf)}, for ${names}${relaxed}` }
}

async function presentCertificate(
  target: OpenOptions,
  path: string,
  { clientCertificateRequested }: Handshake,
): Promise<Found<Exchange>> {
  const value = await exchange(target, path)
  if (!clientCertificateRequested)
    return {
      value,
      detail: `${serverAt(target)} does not ask for a client certificate`,
      problem: { code: 'CLIENT_CERT_NOT_ASKED' },
    }
  const refusal = refusalIn(value, serverAt(target))
  const names = await askedAuthorities(target)
  const wanted =
    names === undefined
      ? 'of CAs that TLS 1.3 hides'
      : names.length === 0
        ? 'of any CA'
        : `of ${names.join('; ')}`
  if (!refusal) return { value, detail: `asked for one ${wanted}; ours is accepted` }
  const { code, message, hint } = refusal
  throw new MtlsError(code, `${message}; it asks for one ${wanted}`, { hint })
}

async function resumeSession(target: OpenOptions, path: string): Promise<Found<true>> {
  if (!target.session)
    return { value: true, detail: 'the server gives no sessions: every connection is a full handshake' }
  const again = await exchange(target, path)
  const refusal = refusalIn(again, serverAt(target))
  if (refusal) throw refusal
  return {
    value: true,
    detail: again.resumed
      ? 'the second connection was resumed'
      : 'the server did not resume: every connection is a full handshake',
  }
}

/** `CN=mcp-server, issued by CN=mcp-mtls CA, 364 days left`. */
function certificateText({ subject, issuer, notAfter }: CertificateFacts): string {
  const left = notAfter.getTime() - Date.now()
  return `${subject}, issued by ${issuer}, ${left < 0 ? 'expired' : `${timeText(left)} left`}`
}

async function within<T>(timeoutMs: number, signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  const late = AbortSignal.timeout(timeoutMs)
  const over = signal ? AbortSignal.any([signal, late]) : late
  return Promise.race([
    work,
    new Promise<never>((_, reject) =>
      over.addEventListener('abort', () =>
        reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
      ),
    ),
  ])
}
