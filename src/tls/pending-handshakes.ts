import type { Socket } from 'node:net'
import { MtlsError } from '../errors.js'
import { handshakeError } from './handshake-error.js'

export interface PendingLimits {
  /** Limit for a whole handshake, however many bytes arrive in the meantime; milliseconds. */
  readonly handshakeTimeout: number
  readonly maxConnectionsPerAddress: number
}

/** One connection whose handshake is not finished. Its address is noted now: a failed socket has lost it. */
export class PendingHandshake {
  readonly peerAddress: string
  /** The same without its port. */
  readonly address: string
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  readonly #leave: (socket: Socket, handshake: PendingHandshake) => void
  #reason: MtlsError | undefined

  constructor(socket: Socket, timeout: number, leave: (socket: Socket, handshake: PendingHandshake) => void) {
    this.address = socket.remoteAddress ?? 'unknown' // of one that is already gone
    this.peerAddress = peerAddressOf(socket)
    this.#socket = socket
    this.#leave = leave
    this.#timer = setTimeout(PendingHandshake.#late, timeout, this)
  }

  static #late(handshake: PendingHandshake): void {
    handshake.explain(Object.assign(new Error('handshake'), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }))
    handshake.#socket.destroy()
  }

  /** The handshake is done, whatever the verdict will be. */
  finish(): void {
    clearTimeout(this.#timer)
    this.#leave(this.#socket, this)
  }

  /** What TLS reports about it; passed on when the socket is closed. The first counts. */
  explain(error: Error): void {
    this.#reason ??= handshakeError(error, `the client at ${this.peerAddress}`)
  }

  /** Ends it for this reason. */
  refuse(reason: MtlsError): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }

  /** Why it ended unfinished. */
  failure(): MtlsError {
    this.explain(Object.assign(new Error('handshake'), { code: 'ECONNRESET' }))
    return this.#reason as MtlsError
  }
}

/** The handshakes under way on one listener. Each ends as finished, or in one call of `failed`. */
export class PendingHandshakes {
  readonly #handshakes = new Map<Socket, PendingHandshake>()
  readonly #perAddress = new Map<string, number>()
  /** These two are for all of them. */
  readonly #closed: (this: Socket) => void
  readonly #leave: (socket: Socket, handshake: PendingHandshake) => void

  constructor(
    readonly limits: PendingLimits,
    readonly failed: (peerAddress: string, error: MtlsError) => void,
  ) {
    const handshakes = this.#handshakes
    this.#closed = function () {
      const handshake = handshakes.get(this)
      if (!handshake) return
      handshake.finish()
      failed(handshake.peerAddress, handshake.failure())
    }
    this.#leave = (socket, { address }) => {
      handshakes.delete(socket)
      this.#count(address, -1)
      socket.off('close', this.#closed)
    }
  }

  /** Undefined, and the socket destroyed, when its address has too many of them. */
  begin(socket: Socket): PendingHandshake | undefined {
    const { handshakeTimeout, maxConnectionsPerAddress } = this.limits
    const handshake = new PendingHandshake(socket, handshakeTimeout, this.#leave)
    this.#handshakes.set(socket, handshake)
    socket.on('close', this.#closed)
    const { address } = handshake
    const waiting = this.#count(address, 1)
    if (waiting <= maxConnectionsPerAddress) return handshake
    const words = `${address} has too many unfinished handshakes (${waiting})`
    handshake.refuse(new MtlsError('CONNECTION_FAILED', words))
    return undefined
  }

  destroyAll(): void {
    for (const socket of this.#handshakes.keys()) socket.destroy()
  }

  #count(address: string, change: 1 | -1): number {
    const count = (this.#perAddress.get(address) ?? 0) + change
    if (count > 0) this.#perAddress.set(address, count)
    else this.#perAddress.delete(address)
    return count
  }
}

/** The address in what `peerAddressOf` gives. */
export function addressIn(peerAddress: string): string {
  const end = peerAddress.lastIndexOf(':')
  return end < 0 ? peerAddress : peerAddress.slice(0, end)
}

/** `address:port` of the other end; `unknown` when it was gone before it could be read. */
export function peerAddressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`
}
