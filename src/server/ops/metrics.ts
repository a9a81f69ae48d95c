import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { SecurityEvent } from '../../tls/events.js'
import type { TlsConnection } from '../../tls/peer/connection.js'
import { expiringFrom } from '../../x509/life.js'
import type { EndedCall } from '../mcp/outcome.js'
import type { SessionEnd } from '../mcp/session.js'
import type { AuthorizationState } from './authorization.js'
import type { Behind } from './behind.js'
import type { Health, PolicyHealth } from './health.js'

type PeerCertificate = NonNullable<TlsConnection['peerCertificate']>

const knownToolsAtMost = 100
/** The tool names that MCP recommends (SEP-986). */
const toolName = /^[\w./-]{1,128}$/
const peersAtMost = 100
const ofTheRecord = 'of the record, which servers of one process may share'

/** Counters of other parts of a server. */
export interface ServerCounts {
  readonly turnedAway: number
  readonly acceptFailures: number
  readonly logLinesDropped: number
  readonly lateMessages: number
  /** Undefined where there are none. */
  readonly sessions:
    | { readonly open: number; readonly ended: Readonly<Record<SessionEnd, number>> }
    | undefined
}

/** What is there in some servers only. */
export interface ServerParts {
  readonly authorization?: () => AuthorizationState
  readonly behind?: () => Behind
}

/**
 * The counters of one server, as Prometheus text. No label takes what a peer sends: tool names are counted only after a
 * call of them has succeeded, peer certificates appear by fingerprint, and both are bounded in number.
 */
export class ServerMetrics {
  readonly #own = new Registry()
  /** About peers: hidden from clients without a certificate. */
  readonly #peers = new Registry()
  /** With names of tools: hidden from clients where a policy may hide the tools from them. */
  readonly #named = new Registry()
  readonly #hasPolicy: () => boolean
  readonly #health: () => Health
  readonly #tools = new Set<string>()
  /** The newest certificate of each identity. */
  readonly #peerCertificates = new Map<string, PeerCertificate>()
  /** By version of TLS, since they were last read: every connection is counted, and prom-client takes its time. */
  readonly #accepted = new Map<string, number>()
  readonly #handshakes: Counter<'result' | 'reason' | 'version'> = new Counter({
    name: 'mcp_mtls_handshakes_total',
    help: 'TLS handshakes by result',
    labelNames: ['result', 'reason', 'version'],
    registers: [this.#own],
    collect: () => {
      for (const [version, count] of this.#accepted)
        this.#handshakes.inc({ result: 'accepted', reason: '', version }, count)
      this.#accepted.clear()
    },
  })
  readonly #ended = this.#counter(
    'connections_ended_total',
    'Accepted connections whose peer stopped qualifying',
    ['reason'],
  )
  readonly #relaxed = this.#counter('relaxed_verifications_total', 'What demo mode let pass', ['relaxation'])
  readonly #reloads = this.#counter('reloads_total', 'Attempts to take up new certificates', ['result'])
  readonly #refusedRequests = this.#counter(
    'requests_refused_total',
    'Requests refused before MCP saw them: for their Host or Origin, or too many at once',
    [],
  )
  readonly #calls = new Counter({
    name: 'mcp_mtls_tool_calls_total',
    help: 'Tool calls by outcome',
    labelNames: ['tool', 'outcome'],
    registers: [this.#named],
  })
  readonly #durations = new Histogram({
    name: 'mcp_mtls_tool_call_duration_seconds',
    help: 'Duration of tool calls',
    labelNames: ['tool'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#named],
  })

  constructor(name: string, health: () => Health, counts: () => ServerCounts, parts: ServerParts = {}) {
    this.#health = health
    this.#hasPolicy = () => parts.authorization?.().policy !== undefined
    for (const registry of [this.#own, this.#peers, this.#named]) registry.setDefaultLabels({ server: name })
    this.#gauge('connections', 'Accepted connections that are open', [], (gauge) =>
      gauge.set(health().connections),
    )
    this.#gauge('up', '1 while the server takes requests, 0 while it drains', [], (gauge) =>
      gauge.set(health().status === 'draining' ? 0 : 1),
    )
    this.#gauge('demo_mode', '1 while verification is relaxed', [], (gauge) =>
      gauge.set(health().mode === 'demo' ? 1 : 0),
    )
    const labels = ['role', 'subject', 'serial'] as const
    this.#gauge(
      'certificate_expiry_timestamp_seconds',
      'End of own certificate, CAs and revocation lists',
      labels,
      (gauge) => {
        gauge.reset()
        for (const { role, subject, serial, not_after } of this.#health().certificates)
          gauge.set({ role, subject, serial: serial ?? '' }, Date.parse(not_after) / 1000)
      },
    )
    this.#gauge(
      'certificate_expiring',
      '1 while one of them is near its end: the last 30 days, the last tenth of a life of 60 days or less',
      labels,
      (gauge) => {
        gauge.reset()
        for (const { role, subject, serial, state } of this.#health().certificates)
          gauge.set({ role, subject, serial: serial ?? '' }, state === 'expiring' ? 1 : 0)
      },
    )
    this.#gauge('last_reload_success', '0 when the newest certificates could not be taken up', [], (gauge) =>
      gauge.set(health().last_reload?.ok === false ? 0 : 1),
    )
    this.#counted(
      'connections_turned_away_total',
      'Connections closed before TLS: their address had shown certificates made to cost time',
      () => counts().turnedAway,
    )
    this.#counted(
      'accept_failures_total',
      'Seconds in which no connection could be accepted, for want of descriptors, and other failures to accept one',
      () => counts().acceptFailures,
    )
    this.#counted(
      'log_lines_dropped_total',
      'Lines of the logs of this server that could not be written in time; those on stderr of the whole process',
      () => counts().logLinesDropped,
    )
    this.#counted(
      'late_messages_total',
      'Messages of servers that reached nobody: the call was answered, or the client gone',
      () => counts().lateMessages,
    )
    this.#gauge('sessions', 'Sessions that are open', [], (gauge) => gauge.set(counts().sessions?.open ?? 0))
    this.#countedBy(
      'reason',
      'sessions_ended_total',
      'Sessions that have ended, by reason',
      () => counts().sessions?.ended ?? {},
    )
    if (parts.authorization) this.#ofAuthorization(parts.authorization)
    if (parts.behind) this.#ofWhatStandsBehind(parts.behind)
    this.#ofPeers(
      'expiry_timestamp_seconds',
      'End of the newest certificate of each peer, the ones that end first',
      ({ notAfter }) => notAfter.getTime() / 1000,
    )
    this.#ofPeers('expiring', '1 while it is near its end', ({ notBefore, notAfter }, now) =>
      now >= expiringFrom(notBefore, notAfter) && now <= notAfter ? 1 : 0,
    )
  }

  /** Receives security events. */
  readonly onSecurityEvent = (event: SecurityEvent): void => {
    switch (event.event) {
      case 'connection-accepted':
        this.#countAccepted(event.connection.tlsVersion ?? '')
        this.#seen(event.connection)
        break
      case 'connection-refused':
        this.#handshakes.inc({
          result: 'refused',
          reason: event.reason,
          version: event.connection.tlsVersion ?? '',
        })
        break
      case 'handshake-failed':
        this.#handshakes.inc({ result: 'failed', reason: event.reason, version: '' })
        break
      case 'connection-ended':
        this.#ended.inc({ reason: event.reason })
        break
      case 'verification-relaxed':
        for (const relaxation of event.relaxed) this.#relaxed.inc({ relaxation })
        break
      case 'request-refused':
        this.#refusedRequests.inc()
        break
      case 'reload-succeeded':
        this.#reloads.inc({ result: 'ok' })
        break
      case 'reload-failed':
        this.#reloads.inc({ result: 'failed' })
        break
      case 'connection-closed':
      case 'certificate-expiring':
        break // counted where they can be read at any time
      default:
        event satisfies never
    }
  }

  readonly onCall = ({ call: { target }, outcome, seconds }: EndedCall): void => {
    if (target.kind !== 'tool') return
    const tool = target.name
    if (outcome === 'ok' && toolName.test(tool) && this.#tools.size < knownToolsAtMost) this.#tools.add(tool)
    const known = this.#tools.has(tool) ? tool : 'other'
    this.#calls.inc({ tool: known, outcome })
    this.#durations.observe({ tool: known }, seconds)
  }

  readonly contentType = this.#own.contentType

  /** `about: 'peers'` for clients that have shown a certificate. */
  async text(about: 'peers' | 'own'): Promise<string> {
    const named = about === 'own' || !this.#hasPolicy() ? [this.#named] : []
    const peers = about === 'peers' ? [this.#peers] : []
    // Not by `Registry.merge`, which forgets the name of the server.
    const texts = [this.#own, ...named, ...peers].map((registry) => registry.metrics())
    return (await Promise.all(texts)).join('')
  }

  #countAccepted(version: string): void {
    this.#accepted.set(version, (this.#accepted.get(version) ?? 0) + 1)
  }

  #seen({ peer, peerCertificate }: TlsConnection): void {
    if (!peer || !peerCertificate) return
    const known = this.#peerCertificates
    if (known.get(peer.id) === peerCertificate) return
    if ((known.get(peer.id)?.notAfter ?? 0) > peerCertificate.notAfter) return
    known.set(peer.id, peerCertificate)
    if (known.size <= peersAtMost) return
    const [latest] = [...known].sort(
      ([, one], [, other]) => other.notAfter.getTime() - one.notAfter.getTime(),
    )
    if (latest) known.delete(latest[0])
  }

  #ofAuthorization(state: () => AuthorizationState): void {
    this.#countedBy(
      'result',
      'decisions_total',
      'Calls by what policy and limits decided: allowed, denied, limited',
      () => state().decisions,
    )
    const { policy, audit } = state()
    if (policy) {
      const gauge = (name: string, help: string, read: (now: PolicyHealth) => number) =>
        this.#gauge(`policy_${name}`, help, [], (one) => one.set(read(state().policy ?? policy)))
      gauge('rules', 'Rules of the policy in use', ({ rules }) => rules)
      gauge('enforced', '0 while calls that it would deny or limit are only reported', ({ mode }) =>
        mode === 'enforce' ? 1 : 0,
      )
      gauge('ok', '0 while its file cannot be taken up; the policy before stays in use', ({ ok }) =>
        ok ? 1 : 0,
      )
      gauge(
        'loaded_timestamp_seconds',
        'When the policy in use was taken up',
        ({ loaded_at }) => Date.parse(loaded_at) / 1000,
      )
    }
    if (audit) {
      const now = () => state().audit ?? audit
      const gauge = (name: string, help: string, read: () => number) =>
        this.#gauge(`audit_${name}`, help, [], (one) => one.set(read()))
      gauge('ok', '0 while the record of calls cannot be written', () => (now().ok ? 1 : 0))
      gauge('lines_waiting', 'Lines of the record that are not written yet', () => now().waiting)
      this.#counted('audit_lines_total', `Lines written, ${ofTheRecord}`, () => now().written)
      this.#counted('audit_lines_lost_total', `Lines lost, ${ofTheRecord}`, () => now().lost)
      this.#counted(
        'audit_failures_total',
        `Attempts to write that failed, ${ofTheRecord}`,
        () => now().failures,
      )
    }
  }

  #ofWhatStandsBehind(behind: () => Behind): void {
    this.#gauge('calls_in_flight', 'Calls that were passed on and have no answer yet', [], (gauge) =>
      gauge.set(behind().callsInFlight),
    )
    const { children, upstream } = behind()
    if (children) {
      const count = (name: keyof typeof children) => () => behind().children?.[name] ?? 0
      this.#gauge('children', 'Programs that run behind this server', [], (gauge) =>
        gauge.set(count('alive')()),
      )
      this.#counted('child_starts_total', 'Programs started', count('starts'))
      this.#counted('child_deaths_total', 'Programs that ended without being told to', count('deaths'))
    }
    if (upstream)
      this.#gauge('upstream_up', '0 while the server behind this one cannot be reached', [], (gauge) =>
        gauge.set(behind().upstream?.reachable === false ? 0 : 1),
      )
  }

  #ofPeers(name: string, help: string, read: (certificate: PeerCertificate, now: Date) => number): void {
    const gauge = new Gauge({
      name: `mcp_mtls_peer_certificate_${name}`,
      help,
      labelNames: ['fingerprint256'],
      registers: [this.#peers],
      collect: () => {
        gauge.reset()
        for (const certificate of this.#peerCertificates.values())
          gauge.set({ fingerprint256: certificate.fingerprint256 }, read(certificate, new Date()))
      },
    })
  }

  /** Values counted elsewhere. */
  #counted(name: string, help: string, read: () => number): void {
    const counter = this.#counter(name, help, [], () => {
      counter.reset()
      counter.inc(read())
    })
  }

  /** The same with a label, whose values are few and ours. */
  #countedBy(label: string, name: string, help: string, read: () => Readonly<Record<string, number>>): void {
    const counter = this.#counter(name, help, [label], () => {
      counter.reset()
      for (const [value, count] of Object.entries(read())) counter.inc({ [label]: value }, count)
    })
  }

  #counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    collect = () => {},
  ): Counter<Label> {
    return new Counter({ name: `mcp_mtls_${name}`, help, labelNames, registers: [this.#own], collect })
  }

  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (gauge: Gauge<Label>) => void,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name: `mcp_mtls_${name}`,
      help,
      labelNames,
      registers: [this.#own],
      collect: () => read(gauge),
    })
  }
}
