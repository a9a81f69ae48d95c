import type { Socket } from 'node:net'
import { MtlsError } from '../errors.js'
import { handshakeError } from './handshake-error.js'

/** A socket whose handshake is not finished. Its address is noted now: a failed socket has lost it. */
interface Pending {
  readonly ends: string
  readonly peerAddress: string
  /** Without the port. */
  readonly address: string
  readonly begun: number
  readonly socket: Socket
  error?: MtlsError
  finished?: true
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
    const { remoteAddress: address = 'unknown' } = socket // of one that is gone already
    const [peerAddress, ends] = [addressOf(socket), endsOf(socket)]
    const pending: Pending = { ends, peerAddress, address, begun: performance.now(), socket }
    this.#pending.set(ends, pending)
    const waiting = this.#count(pending.address, 1)
    if (waiting > this.limits.maxConnectionsPerAddress) {
      pending.error = new MtlsError(
        'CONNECTION_FAILED',
        `${pending.address} has too many unfinished handshakes (${waiting})`,
      )
      socket.destroy()
    }
    socket.once('close', () => {
      if (pending.finished) return
      this.#finish(pending)
      this.failed(peerAddress, pending.error ?? this.#silence(pending))
    })
  }

  /** The handshake is done, whatever the verdict will be. */
  finish(socket: Socket): void {
    const pending = this.#pending.get(endsOf(socket))
    if (pending) this.#finish(pending)
  }

  /** What TLS says about it; told when the socket is closed. */
  explain(socket: Socket, error: Error): void {
    const pending = this.#pending.get(endsOf(socket))
    if (pending) pending.error ??= handshakeError(error, `the client at ${pending.peerAddress}`)
  }

  destroyAll(): void {
    for (const { socket } of this.#pending.values()) socket.destroy()
  }

  #finish(pending: Pending): void {
    pending.finished = true
    if (this.#pending.get(pending.ends) === pending) this.#pending.delete(pending.ends)
    this.#count(pending.address, -1)
  }

  #silence({ begun, peerAddress }: Pending): MtlsError {
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

/** Raw and TLS socket of one connection are two objects: its four numbers are what both know. */
function endsOf(socket: Socket): string {
  return `${addressOf(socket)} ${socket.localAddress}:${socket.localPort}`
}

/** `address:port` of the other end; `unknown` when it was gone before anybody could ask. */
export function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`
}
