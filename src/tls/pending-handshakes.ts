import type { Socket } from 'node:net'
import { MtlsError } from '../errors.js'
import { handshakeError } from './handshake-error.js'

/** A socket whose handshake is not finished. Its address is noted now: a failed socket has lost it. */
interface Pending {
  readonly address: string
  readonly begun: number
  readonly socket: Socket
  error?: MtlsError
}

export interface PendingLimits {
  /** Milliseconds. */
  readonly handshakeTimeout: number
  readonly maxConnectionsPerAddress: number
}

/** The handshakes under way on one listener. Each ends as finished, or in one call of `failed`. */
export class PendingHandshakes {
  readonly #pending = new Map<string, Pending>()
  readonly #perAddress = new Map<string, number>()

  constructor(
    readonly limits: PendingLimits,
    readonly failed: (peerAddress: string, error: MtlsError) => void,
  ) {}

  begin(socket: Socket): void {
    const peerAddress = addressOf(socket)
    const pending: Pending = { address: socket.remoteAddress ?? '', begun: performance.now(), socket }
    this.#pending.set(peerAddress, pending)
    const waiting = this.#count(pending.address, 1)
    if (waiting > this.limits.maxConnectionsPerAddress) {
      pending.error = new MtlsError(
        'CONNECTION_FAILED',
        `${pending.address} has too many unfinished handshakes (${waiting})`,
      )
      socket.destroy()
    }
    socket.once('close', () => {
      if (this.#pending.get(peerAddress) !== pending) return
      this.finish(socket, peerAddress)
      this.failed(peerAddress, pending.error ?? this.#silence(pending, peerAddress))
    })
  }

  /** The handshake is done, whatever the verdict will be. */
  finish(socket: Socket, peerAddress = addressOf(socket)): void {
    const pending = this.#pending.get(peerAddress)
    if (!pending) return
    this.#pending.delete(peerAddress)
    this.#count(pending.address, -1)
  }

  /** What TLS says about it; told when the socket is closed. */
  explain(socket: Socket, error: Error): void {
    const peerAddress = addressOf(socket)
    const pending = this.#pending.get(peerAddress)
    if (pending) pending.error = handshakeError(error, `the client at ${peerAddress}`)
  }

  destroyAll(): void {
    for (const { socket } of this.#pending.values()) socket.destroy()
  }

  #silence({ begun }: Pending, peerAddress: string): MtlsError {
    const late = performance.now() - begun >= this.limits.handshakeTimeout - 10
    const error = Object.assign(new Error('handshake'), {
      code: late ? 'ERR_TLS_HANDSHAKE_TIMEOUT' : 'ECONNRESET',
    })
    return handshakeError(error, `the client at ${peerAddress}`)
  }

  #count(address: string, change: 1 | -1): number {
    const count = (this.#perAddress.get(address) ?? 0) + change
    if (count > 0) this.#perAddress.set(address, count)
    else this.#perAddress.delete(address)
    return count
  }
}

/** `address:port` of the other end. */
export function addressOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`
}
