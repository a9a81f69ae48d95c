import { Counter, Gauge, Registry } from 'prom-client'
import type { Monitor } from './monitor.js'
import { type CertificateStatus, levels, serverStates } from './snapshot.js'

/** The monitor's state as Prometheus text. Labels come from what is watched: gauges of what is gone are removed too. */
export class MonitorMetrics {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType

  constructor(monitor: Monitor) {
    const servers = () => monitor.snapshot().servers
    this.#gauge('server_up', '1 while a server is up, also when it is degraded', ['name'], (gauge) => {
      for (const { name, state } of servers()) gauge.set({ name }, /^(up|degraded)$/.test(state) ? 1 : 0)
    })
    this.#gauge(
      'server_state',
      '1 for the state a server has, 0 for the others',
      ['name', 'state'],
      (gauge) => {
        for (const { name, state } of servers())
          for (const other of serverStates) gauge.set({ name, state: other }, state === other ? 1 : 0)
      },
    )
    this.#gauge(
      'server_latency_seconds',
      'Handshake and one answer at the newest look',
      ['name'],
      (gauge) => {
        for (const { name, latency_ms } of servers())
          if (latency_ms !== null) gauge.set({ name }, latency_ms / 1000)
      },
    )
    const certificates = () => monitor.snapshot().certificates
    this.#gauge(
      'certificate_expiry_timestamp_seconds',
      'End of certificates and revocation lists, in files and as shown by servers',
      certificateLabels,
      (gauge) => {
        for (const certificate of certificates())
          if (certificate.not_after !== null)
            gauge.set(labelsOf(certificate), Date.parse(certificate.not_after) / 1000)
      },
    )
    this.#gauge('certificate_expiring', '1 while one of them is near its end', certificateLabels, (gauge) => {
      for (const certificate of certificates()) {
        const isNear = certificate.problems.some(
          ({ code }) => code === 'CERT_EXPIRING' || code === 'CRL_EXPIRING',
        )
        gauge.set(labelsOf(certificate), isNear ? 1 : 0)
      }
    })
    this.#gauge('certificates', 'Certificates and revocation lists by how they are', ['level'], (gauge) => {
      for (const level of levels)
        gauge.set({ level }, certificates().filter((certificate) => certificate.level === level).length)
    })
    this.#gauge('last_look_timestamp_seconds', 'When something was last looked at', [], (gauge) =>
      gauge.set(Date.parse(monitor.snapshot().at) / 1000),
    )
    const events = new Counter({
      name: 'mcp_mtls_monitor_events_total',
      help: 'What was noticed: changes of servers and certificates, refused strangers',
      labelNames: ['kind', 'level'],
      registers: [this.#registry],
    })
    monitor.subscribe((changes) => {
      for (const { kind, level } of changes) events.inc({ kind, level })
    })
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (gauge: Gauge<Label>) => void,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name: `mcp_mtls_monitor_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        gauge.reset()
        read(gauge)
      },
    })
  }
}

const certificateLabels = ['type', 'subject', 'serial', 'place'] as const

function labelsOf({ type, subject, serial, places: [place = ''] }: CertificateStatus) {
  return { type, subject, serial: serial ?? '', place }
}
