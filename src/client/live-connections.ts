import { defaultOf, serverIdsIn } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { SecurityEvents, type Subscriber, type Tell, teller } from '../tls/events.js'
import type { Material } from '../tls/material/material.js'
import { Freshness, type FreshnessOptions, ReloadableMaterial } from '../tls/material/reloadable.js'
import type { MaterialSource } from '../tls/material/source.js'
import { Generation } from './generation.js'
import { defaultMaxConnections } from './pool-figures.js'

/** The options of `mtlsFetch`, beside those of TLS. */
export interface MtlsFetchOptions extends FreshnessOptions {
  /** The name the server's certificate must have; default the host of the URL. */
  readonly serverName?: string | undefined
  /**
   * The identities of which the server must have one, instead of having that name: its SPIFFE ID, or `sha256/…` (base64) or
   * `sha256:…` (hex) of its public key; default none.
   */
  readonly serverId?: string | readonly string[] | undefined
  /** Time for the TCP connection, milliseconds; default 30000. */
  readonly connectTimeout?: number | undefined
  /** Time for the TLS handshake after it, milliseconds; default 5000. */
  readonly handshakeTimeout?: number | undefined
  /** Connections to one server at most; default 64. */
  readonly maxConnections?: number | undefined
  /** Gets every security event; default nobody. */
  readonly onSecurityEvent?: Subscriber | undefined
}

/** The connections of one client, whose material is replaced while they are in use. */
export class LiveConnections {
  readonly #source: MaterialSource
  readonly #options: MtlsFetchOptions
  readonly #serverIds: readonly string[] | undefined
  readonly #events: SecurityEvents
  readonly #tell: Tell
  /** The newest last; those before it finish what they have begun. */
  readonly #generations = new Set<Generation>()
  #newest: Generation | undefined
  #opening: Promise<ReloadableMaterial> | undefined
  #freshness: Freshness | undefined
  #closed: Promise<void> | undefined

  constructor(source: MaterialSource, mode: Material['mode'], options: MtlsFetchOptions) {
    this.#source = source
    this.#options = options
    this.#serverIds = serverIdsIn(options.serverId)
    this.#events = new SecurityEvents(options.onSecurityEvent ? [options.onSecurityEvent] : [])
    this.#tell = teller(this.#events, { side: 'client', name: 'client', mode })
  }

  get generations(): readonly Generation[] {
    return [...this.#generations]
  }

  /** The generation for new requests, where it is known without waiting. */
  get newest(): Generation | undefined {
    return this.#closed ? undefined : this.#newest
  }

  /** The generation for new requests. Throws what loading material throws; the next call tries again. */
  async current(): Promise<Generation> {
    if (this.#closed) throw closedError()
    await this.#open()
    if (!this.#newest) throw closedError()
    return this.#newest
  }

  /** What `RunningServer.reload` is for servers. */
  async reload(): Promise<boolean> {
    return (await this.#open()).reload()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #open(): Promise<ReloadableMaterial> {
    this.#opening ??= this.#start().catch((error) => {
      this.#opening = undefined // the files may be there at the next call
      throw error
    })
    return this.#opening
  }

  async #start(): Promise<ReloadableMaterial> {
    const material = await ReloadableMaterial.load(this.#source, this.#tell)
    this.#begin(material.current)
    material.onChange((next) => this.#use(next))
    const freshness = new Freshness(material, this.#source.paths, this.#tell, this.#options)
    this.#freshness = freshness
    this.#events.subscribe(freshness.onSecurityEvent)
    return material
  }

  #begin(material: Material): void {
    this.#newest = this.#generation(material)
    this.#generations.add(this.#newest)
  }

  #generation(material: Material): Generation {
    const {
      serverName,
      connectTimeout = defaultOf('timeout'),
      handshakeTimeout = defaultOf('handshakeTimeout'),
    } = this.#options
    const options = {
      material,
      events: this.#events,
      serverName,
      serverIds: this.#serverIds,
      connectTimeout,
      handshakeTimeout,
    }
    return new Generation(options, this.#options.maxConnections ?? defaultMaxConnections)
  }

  /** New requests go over new connections: the old ones speak for the old certificate, and trusted the old CAs. */
  #use(material: Material): void {
    const before = this.generations
    this.#begin(material)
    for (const generation of before) {
      generation.connector.judgeBy(material)
      void this.#retire(generation)
    }
  }

  async #retire(generation: Generation): Promise<void> {
    await generation.retire()
    this.#generations.delete(generation)
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    this.#freshness?.stop()
    await Promise.all(this.generations.map((generation) => generation.retire()))
  }
}

function closedError(): MtlsError {
  return new MtlsError('CONFIG_INVALID', 'this client is closed', {
    hint: 'Make another one, or close it after the last call.',
  })
}
