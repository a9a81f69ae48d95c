import { MtlsError } from '../../errors.js'
import { type WatchOptions, watchFiles } from '../../files/watch.js'
import { hourMs } from '../../text/duration.js'
import type { SecurityEvent, Tell } from '../events.js'
import { ExpiryWatch } from './expiry-watch.js'
import type { Material } from './material.js'
import type { MaterialSource } from './source.js'

/** The result of the last attempt to load new files. */
export interface LastReload {
  readonly at: Date
  readonly ok: boolean
  readonly error: MtlsError | undefined
  /** The first of the failures in a row; undefined after a success. */
  readonly failingSince: Date | undefined
}

/** The material in use may be revoked by files that cannot be loaded: how often that is reported again. */
const repeatMs = hourMs

export type MaterialListener = (next: Material) => void

/**
 * Material that can be replaced while in use: load and check everything, swap, notify. A failure changes nothing but
 * the revocation lists, if these are valid.
 */
export class ReloadableMaterial {
  readonly #source: MaterialSource
  readonly #tell: Tell
  readonly #listeners = new Set<MaterialListener>()
  #current: Material
  #last: LastReload | undefined
  /** When the last failure was reported. */
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

  /** Called right after a swap. Returns a function that unsubscribes. */
  onChange(listener: MaterialListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Loads what the source has now. Returns true if it was new. Throws `RELOAD_FAILED` whose message says what is wrong;
   * the earlier material stays in use, except for revocation lists that are new and valid. One call at a time; a call
   * during another sees the files after it.
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
      if (next !== previous) this.#swap(next) // another secret of tickets is no other certificate
      if (!isNew) return false
      this.#tell('reload-succeeded', { certificate: next.certificate })
      return true
    } catch (cause) {
      const what = cause instanceof MtlsError ? `${cause.code}: ${cause.message}` : String(cause)
      const error = new MtlsError('RELOAD_FAILED', `the new certificates were not taken up, ${what}`, {
        cause,
      })
      const at = new Date()
      // The same bad files are checked repeatedly; report them once an hour.
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

/** How new certificate files are loaded, and when to warn of expiry. */
export interface FreshnessOptions {
  /** How the files are watched; `false` for not at all; default as `WatchOptions` says. */
  readonly watch?: WatchOptions | false | undefined
  /** Days before expiry at which to warn; default 30, 14, 7 and 1. */
  readonly expiryWarningDays?: readonly number[] | undefined
}

/** Loads new files automatically, and warns of upcoming expiry. */
export class Freshness {
  readonly #expiry: ExpiryWatch
  readonly #stop: () => void

  constructor(material: ReloadableMaterial, paths: readonly string[], tell: Tell, options: FreshnessOptions) {
    this.#expiry = new ExpiryWatch(tell, options.expiryWarningDays)
    this.#expiry.watch(material.current)
    const forget = material.onChange((next) => this.#expiry.watch(next))
    // Failures are reported as events; no caller is waiting.
    const reload = () => void material.reload().catch(() => undefined)
    const unwatch = options.watch === false ? () => {} : watchFiles(paths, reload, options.watch)
    this.#stop = () => {
      forget()
      unwatch()
    }
  }

  /** Receives security events: which certificates peers show. */
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
