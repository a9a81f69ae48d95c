import { MtlsError } from '../../errors.js'
import { type WatchOptions, watchFiles } from '../../files/watch.js'
import { hourMs } from '../../text/duration.js'
import type { SecurityEvent, Tell } from '../events.js'
import { ExpiryWatch } from './expiry-watch.js'
import type { Material } from './material.js'
import type { MaterialSource } from './source.js'

/** How the last attempt to take up new files went. */
export interface LastReload {
  readonly at: Date
  readonly ok: boolean
  readonly error: MtlsError | undefined
  /** The first of the failures in a row; undefined when it went well. */
  readonly failingSince: Date | undefined
}

/** What is in use may be revoked by files that cannot be taken up: it is said again so often. */
const repeatMs = hourMs

export type MaterialListener = (next: Material) => void

/**
 * Material that can be replaced while it is in use: load and check everything, swap, tell. A failure changes nothing but the
 * revocation lists, where these are sound.
 */
export class ReloadableMaterial {
  readonly #source: MaterialSource
  readonly #tell: Tell
  readonly #listeners = new Set<MaterialListener>()
  #current: Material
  #last: LastReload | undefined
  /** When the last failure was told. */
  #toldAt = 0
  #running: Promise<boolean> | undefined
  #again: Promise<boolean> | undefined

  private constructor(source: MaterialSource, tell: Tell, first: Material) {
    this.#source = source
    this.#tell = tell
    this.#current = first
  }

  /** Throws what loading throws: a server never starts with bad files. */
  static async load(source: MaterialSource, tell: Tell): Promise<ReloadableMaterial> {
    return new ReloadableMaterial(source, tell, await source.load(undefined))
  }

  get current(): Material {
    return this.#current
  }

  get last(): LastReload | undefined {
    return this.#last
  }

  /** Called right after a swap. Returns the way to stop. */
  onChange(listener: MaterialListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Takes up what the source has now. True when it was something new. Throws `RELOAD_FAILED` whose message says
   * what is wrong; what was in use stays in use, but for revocation lists that are new and sound. One call at a time; a call during another sees the files after it.
   */
  reload(): Promise<boolean> {
    if (!this.#running) {
      this.#running = this.#reload().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    this.#again ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#again = undefined
        return this.reload()
      })
    return this.#again
  }

  async #reload(): Promise<boolean> {
    const previous = this.#current
    try {
      const next = await this.#source.load(previous)
      const isNew = next.version !== previous.version
      if (isNew || this.#last?.ok === false)
        this.#last = { at: new Date(), ok: true, error: undefined, failingSince: undefined }
      if (!isNew) return false
      this.#swap(next)
      this.#tell('reload-succeeded', { certificate: next.certificate })
      return true
    } catch (cause) {
      const what = cause instanceof MtlsError ? `${cause.code}: ${cause.message}` : String(cause)
      const error = new MtlsError('RELOAD_FAILED', `the new certificates were not taken up, ${what}`, {
        cause,
      })
      const at = new Date()
      // The same files are looked at again and again: their fault is told once an hour.
      const since = this.#last?.error?.message === error.message ? at.getTime() - this.#toldAt : Infinity
      if (since >= repeatMs) {
        this.#toldAt = at.getTime()
        this.#tell('reload-failed', { reason: 'RELOAD_FAILED', message: error.message })
      }
      this.#last = { at, ok: false, error, failingSince: this.#last?.failingSince ?? at }
      const withLists = await this.#source.loadLists(previous)
      if (withLists !== previous) this.#swap(withLists)
      throw error
    }
  }

  #swap(next: Material): void {
    this.#current = next
    for (const listener of this.#listeners) listener(next)
  }
}

export type { WatchOptions }

/** How new certificate files are taken up, and when ends are told of. */
export interface FreshnessOptions {
  /** How the files are watched; `false` for not at all; default as `WatchOptions` says. */
  readonly watch?: WatchOptions | false | undefined
  /** Warnings so many days before an end; default 30, 14, 7 and 1. */
  readonly expiryWarningDays?: readonly number[] | undefined
}

/** Takes up new files by itself, and tells of ends that come near. */
export class Freshness {
  readonly #expiry: ExpiryWatch
  readonly #stop: () => void

  constructor(material: ReloadableMaterial, paths: readonly string[], tell: Tell, options: FreshnessOptions) {
    this.#expiry = new ExpiryWatch(tell, options.expiryWarningDays)
    this.#expiry.watch(material.current)
    const forget = material.onChange((next) => this.#expiry.watch(next))
    // A failure is told as an event; there is nobody here to throw it at.
    const reload = () => void material.reload().catch(() => undefined)
    const unwatch = options.watch === false ? () => {} : watchFiles(paths, reload, options.watch)
    this.#stop = () => {
      forget()
      unwatch()
    }
  }

  /** Hears security events: which certificates peers show. */
  readonly onSecurityEvent = (event: SecurityEvent): void => {
    if (event.event !== 'connection-accepted') return
    const { peerCertificate, peer } = event.connection
    if (peerCertificate && peer) this.#expiry.seen(peerCertificate, peer.id)
  }

  stop(): void {
    this.#stop()
    this.#expiry.stop()
  }
}
