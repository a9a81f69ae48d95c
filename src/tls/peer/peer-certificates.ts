import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { maximumPresented } from '../../judge/path.js'
import { dayMs } from '../../text/duration.js'
import { type Element, elementAt } from '../../x509/der/der.js'

/** Where a session keeps the certificate of the peer (`SSL_SESSION_ASN1` of OpenSSL). */
const peerInSession = 0xa3

/**
 * The certificate that a socket's peer has presented as its own, one character for each byte: a key of maps; undefined if
 * none. `getPeerCertificate()` is unsuitable: it converts everything to text before anything is checked, and on Node 20
 * and 22 an object identifier of 600 bytes ends the process. The session has the certificate unchanged. Throws if the
 * runtime does not provide it.
 */
export function presentedLeaf(socket: TLSSocket): string | undefined {
  const { _handle: handle } = socket as { _handle?: { getSession(): Buffer | undefined } | null }
  // On a client `getSession()` of newer versions of Node puts the host before it.
  const session = handle?.getSession()
  if (!session) return undefined
  try {
    const peer = peerIn(session)
    return peer && session.toString('latin1', peer.contents, peer.end)
  } finally {
    session.fill(0) // it contains secrets
  }
}

function peerIn(session: Buffer): Element | undefined {
  const { contents, end } = elementAt(session, 0)
  for (let at = contents; at < end; ) {
    const element = elementAt(session, at, end)
    if (element.tag === peerInSession) return element
    at = element.end
  }
  return undefined
}

/**
 * The certificates that came with it, unchanged; undefined when this peer has used up its share. The way to them that
 * Node offers takes them out of OpenSSL's list and never frees them (measured on Node 20 and 24), so a peer that could
 * make us repeat it would exhaust the memory.
 */
export function presentedIssuers(socket: TLSSocket, share: Share): readonly X509Certificate[] | undefined {
  if (!share.isLeft(Date.now())) return undefined
  const all: X509Certificate[] = []
  let next = socket.getPeerX509Certificate()?.issuerCertificate
  for (; next && all.length <= maximumPresented; next = next.issuerCertificate) all.push(next)
  share.take(all.reduce((sum, { raw }) => sum + raw.length, 0))
  return all
}

/** How much memory one peer may still make us leak. */
interface Share {
  isLeft(now: number): boolean
  /** This peer has used up its share, regardless of others. */
  isUsedUp(): boolean
  take(bytes: number): void
}

/** A thousand usual issuers. In memory they take ten times their size, those with many small names 25 times. */
const ofOnePeer = 1_000_000
const ofAllStrangers = 8_000_000

/** Memory that this process loses until it ends; counted in bytes of certificates, from zero each day. */
export class Shares {
  readonly #longest: number
  readonly #taken = new Map<string, number>()
  #all = 0
  #since = 0

  constructor(longest: number) {
    this.#longest = longest
  }

  of(peer: string): Share {
    const isUsedUp = () => (this.#taken.get(peer) ?? 0) >= ofOnePeer
    return {
      isLeft: (now) => {
        this.#begin(now)
        return !isUsedUp() && this.#all < this.#longest
      },
      isUsedUp,
      take: (bytes) => {
        if (bytes === 0) return
        this.#taken.set(peer, (this.#taken.get(peer) ?? 0) + bytes)
        this.#all += bytes
      },
    }
  }

  clear(): void {
    this.#all = 0
    this.#taken.clear()
  }

  #begin(now: number): void {
    if (Math.abs(now - this.#since) < dayMs) return
    this.#since = now
    this.clear()
  }
}

/** By address: a client without a certificate from our CAs can make any number of them. */
export const strangers = new Shares(ofAllStrangers)
/** By fingerprint of the leaf: OpenSSL accepts it, so there are only as many as our CAs have issued. */
export const certified = new Shares(Number.POSITIVE_INFINITY)
