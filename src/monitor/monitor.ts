import { setTimeout as delay } from 'node:timers/promises'
import { longWait } from '../alarm.js'
import { type CheckFilesOptions, checkFiles } from '../pki/index.js'
import type { ObserveOptions } from '../probe/connect/observe.js'
import { certificatesOf, type PresentedCertificate } from './certificates.js'
import { type Change, certificateChanges, serverChanges } from './changes.js'
import { afterObservation, unseen } from './server-status.js'
import {
  type CertificateStatus,
  type MonitorEvent,
  type ServerStatus,
  type Snapshot,
  worst,
} from './snapshot.js'

export interface WatchedServer extends Omit<ObserveOptions, 'signal'> {
  /** Unique among those watched. */
  readonly name: string
  readonly url: URL
}

export interface MonitorOptions {
  readonly servers: readonly WatchedServer[]
  /** Files and directories of certificates. */
  readonly paths: readonly string[]
  readonly checking: CheckFilesOptions
  /** Time between two looks at one target; varied at random by up to a tenth, so that monitors do not run in step. */
  readonly intervalMs: number
}

/** Called after each look, with what changed. */
export type MonitorSubscriber = (changes: readonly MonitorEvent[]) => void

const eventsKept = 500
/** More would compete for one core, and measure that instead of the servers. */
const looksAtOnce = 8

/**
 * Checks servers and certificates from outside, and remembers what it saw and when that changed. Uses bounded memory.
 */
export class Monitor {
  readonly #options: MonitorOptions
  readonly #servers = new Map<string, ServerStatus>()
  /** The certificates that servers have presented, by URL. */
  readonly #presented = new Map<string, PresentedCertificate>()
  #certificates: readonly CertificateStatus[] | undefined
  readonly #events: MonitorEvent[] = []
  #eventCount = 0
  #lookedAt = new Date()
  readonly #subscribers = new Set<MonitorSubscriber>()

  constructor(options: MonitorOptions) {
    this.#options = options
    for (const { name, url } of options.servers) this.#servers.set(name, unseen(name, url.href, new Date()))
  }

  snapshot(): Snapshot {
    const servers = [...this.#servers.values()]
    const certificates = this.#certificates ?? []
    return {
      at: this.#lookedAt.toISOString(),
      level: worst([...servers, ...certificates].map(({ level }) => level)),
      servers,
      certificates,
    }
  }

  /** Newest last, 500 at most. */
  get events(): readonly MonitorEvent[] {
    return this.#events
  }

  /** Returns a function that unsubscribes. */
  subscribe(subscriber: MonitorSubscriber): () => void {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  /** Checks everything once. */
  async lookOnce(signal?: AbortSignal): Promise<Snapshot> {
    const waiting = this.#options.servers.values()
    const worker = async () => {
      for (const server of waiting) await this.#lookAt(server, signal)
    }
    await Promise.all(Array.from({ length: looksAtOnce }, worker))
    await this.#lookAtFiles()
    return this.snapshot()
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { servers, intervalMs } = this.#options
    try {
      const first = Promise.all(servers.map((server) => this.#lookAt(server, signal)))
      // Files wait for what servers present, but not for a server that does not answer.
      await Promise.race([first, delay(Math.min(intervalMs, 2000), undefined, { signal })])
      await this.#lookAtFiles()
      await first
      await Promise.all([
        ...servers.map((server) => this.#again(() => this.#lookAt(server, signal), signal)),
        this.#again(() => this.#lookAtFiles(), signal),
      ])
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #again(act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      await longWait(this.#options.intervalMs * (0.9 + Math.random() / 5), signal)
      await act()
    }
  }

  async #lookAt(server: WatchedServer, signal: AbortSignal | undefined): Promise<void> {
    // Loaded by the first look: watching files alone needs no client.
    const { observe } = await import('../probe/connect/observe.js')
    const found = await observe(server.url, { ...server, signal })
    const before = this.#servers.get(server.name) ?? unseen(server.name, server.url.href, new Date())
    const after = afterObservation(before, found, new Date())
    this.#servers.set(server.name, after)
    const certificate = found.connection?.peerCertificate
    const refused = found.outcome === 'untrusted' ? found.error : undefined
    if (certificate) this.#presented.set(server.url.origin, { certificate, refused })
    this.#tell(serverChanges(before, after))
  }

  async #lookAtFiles(): Promise<void> {
    const { paths, checking } = this.#options
    const files = await checkFiles(paths, checking)
    const before = this.#certificates
    this.#certificates = certificatesOf(files, this.#presented, {
      withinDays: checking.withinDays,
      now: new Date(),
    })
    this.#tell(certificateChanges(before, this.#certificates))
  }

  #tell(changes: readonly Change[]): void {
    this.#lookedAt = new Date()
    const at = this.#lookedAt.toISOString()
    const events = changes.map((change): MonitorEvent => ({ id: ++this.#eventCount, at, ...change }))
    this.#events.push(...events)
    this.#events.splice(0, this.#events.length - eventsKept)
    for (const subscriber of this.#subscribers) subscriber(events)
  }
}
