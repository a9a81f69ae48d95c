import type { TLSSocket } from 'node:tls'
import { maximumPresented } from '../judge/path.js'

/** The certificates a peer has shown, DER. */
export interface Shown {
  /** Of the leaf, as `X509Certificate` writes it. */
  readonly fingerprint256: string
  /** Leaf first, each followed by its issuer; nothing when the leaf was known already. */
  readonly certificates: readonly Buffer[]
}

/**
 * What a socket's peer has shown; undefined when that is nothing. `getPeerX509Certificate()` will not do: it takes
 * the issuers out of OpenSSL's list and never frees them, so that every connection leaves some kB behind (measured
 * on Node 20 and 24). The older call costs 20 µs for the leaf and ten times that for its issuers.
 */
export function shownBy(socket: TLSSocket, isKnown: (fingerprint256: string) => boolean): Shown | undefined {
  try {
    // Null on a socket that is destroyed, empty where no certificate was shown; the types know neither.
    const { raw, fingerprint256 } = (socket.getPeerCertificate() ?? {}) as Partial<Certificate>
    if (raw === undefined || fingerprint256 === undefined) return undefined
    return { fingerprint256, certificates: isKnown(fingerprint256) ? [] : chainOf(socket) }
  } catch {
    // What Node cannot put into words is refused as unreadable; thrown from an event it would end the process.
    return { fingerprint256: '', certificates: [] }
  }
}

/**
 * Every certificate that came with the leaf, as it came. Node's older call follows the first issuer of each, and stops
 * where that one came last: of two with one name it shows one, of a chain in another order a part. This call leaves some
 * kB behind each time, so it is for peers alone with whom OpenSSL is content.
 */
export function allShownBy(socket: TLSSocket): Buffer[] {
  const all: Buffer[] = []
  let next = socket.getPeerX509Certificate()?.issuerCertificate
  while (next && all.length < maximumPresented) {
    all.push(next.raw)
    next = next.issuerCertificate
  }
  return all
}

function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = []
  let next: Certificate | undefined = socket.getPeerCertificate(true)
  while (next?.raw && chain.length <= maximumPresented) {
    chain.push(next.raw)
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate
  }
  return chain
}

type Certificate = { raw: Buffer; fingerprint256: string; issuerCertificate?: Certificate }
