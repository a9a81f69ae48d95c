import type { Socket } from 'node:net'
import { MtlsError } from '../errors.js'
import { handshakeError } from './handshake-error.js'

/** One connection whose handshake is not finished. Its address is noted now: a failed socket has lost it. */
export interface PendingHandshake {
  readonly peerAddress: string
  /** The same without its port. */
  readonly address: string
  /** The handshake is done, whatever the verdict will be. */
  finish(): void
  /** What TLS reports about it; passed on when the socket is closed. The first counts. */
  explain(error: Error): void
}

export interface PendingLimits {
  /** Limit for a whole handshake, however many bytes arrive in the meantime; milliseconds. */
  readonly handshakeTimeout: number
  readonly maxConnectionsPerAddress: number
}

/** The handshakes under way on one listener. Each ends as finished, or in one call of `failed`. */
export class PendingHandshakes {
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()

  constructor(
    readonly limits: PendingLimits,
    readonly failed: (peerAddress: string, error: MtlsError) => void,
  ) {}

  /** Undefined, and the socket destroyed, when its address has too many of them. */
  begin(socket: Socket): PendingHandshake | undefined {
    const { remoteAddress: address = 'unknown' } = socket // of one that is already gone
    const peerAddress = peerAddressOf(socket)
    let reason: MtlsError | undefined
    const timer = setTimeout(() => {
      explain(Object.assign(new Error('handshake'), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }))
      socket.destroy()
    }, this.limits.handshakeTimeout)
    const explain = (error: Error) => {
      reason ??= handshakeError(error, `the client at ${peerAddress}`)
    }
    const leave = () => {
      clearTimeout(timer)
      this.#sockets.delete(socket)
      this.#count(address, -1)
      socket.off('close', ended)
    }
    const ended = () => {
      leave()
      explain(Object.assign(new Error('handshake'), { code: 'ECONNRESET' }))
      if (reason) this.failed(peerAddress, reason)
    }
    this.#sockets.add(socket)
    socket.once('close', ended)
    const waiting = this.#count(address, 1)
    if (waiting <= this.limits.maxConnectionsPerAddress)
      return { peerAddress, address, finish: leave, explain }
    const words = `${address} has too many unfinished handshakes (${waiting})`
    reason = new MtlsError('CONNECTION_FAILED', words)
    socket.destroy()
    return undefined
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
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
