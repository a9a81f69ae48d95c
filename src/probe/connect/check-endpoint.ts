import { endpointOf } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { CrlSet } from '../../judge/crl-set.js'
import { findingsOf } from '../../pki/check/check.js'
import { checkFinding, isWarning } from '../../pki/check/check-finding.js'
import type { Trust } from '../../pki/check/trust.js'
import type { Checked, CheckFilesOptions } from '../../pki/index.js'
import { verdict } from '../../tls/peer/verdict.js'
import { type Handshake, handshake } from './handshake.js'
import type { OpenOptions } from './open-tls.js'

export interface CheckedEndpoint extends Checked {
  /** Undefined when the connection failed. */
  readonly connection?: Omit<Handshake, 'peer'>
}

export interface CheckEndpointOptions
  extends Pick<OpenOptions, 'identity' | 'minVersion' | 'timeoutMs'>,
    Pick<OpenOptions, 'serverIds'>,
    Pick<CheckFilesOptions, 'withinDays' | 'demoMode' | 'crlMissingAllowed'> {
  readonly trust: Trust
}

/** Judges what a live server shows, with one handshake. Problems are returned, never thrown. */
export async function checkEndpoint(url: URL, options: CheckEndpointOptions): Promise<CheckedEndpoint> {
  const answer = { path: url.origin, type: 'server' as const }
  const { host, port } = endpointOf(url)
  const { trust, serverIds } = options
  const { domains } = trust
  try {
    const { peer, ...connection } = await handshake({
      ...options,
      host,
      port,
      anchors: [...trust.roots, ...trust.intermediates],
      domains,
    })
    if (!peer.path)
      return {
        ...answer,
        connection,
        problems: [
          checkFinding('SERVER_CERT_INVALID', peer.unreadable ?? 'the server showed no certificate'),
        ],
      }
    const [certificate, ...chain] = peer.path.certificates
    const { withinDays, demoMode = false, crlMissingAllowed } = options
    const found = findingsOf(certificate, {
      withinDays,
      demoMode,
      crlMissingAllowed,
      type: 'server',
      serverName: host,
      serverIds,
      domains,
      trusted: trust.roots,
      chain: [...chain, ...trust.intermediates],
      crls: trust.crls,
    })
    const crls = trust.crls && new CrlSet(trust.crls, crlMissingAllowed)
    const mode = demoMode ? 'demo' : 'strict'
    const rules = { peer: 'server', serverName: host, serverIds, domains, mode, crls } as const
    const judged = verdict(peer, rules, new Date())
    // Our client has the last word: it also asks OpenSSL, which checks name constraints.
    const missed =
      judged.accepted || !found.every(isWarning)
        ? []
        : [checkFinding(judged.code, judged.message, judged.hint)]
    return { ...answer, certificate, connection, problems: [...trust.findings, ...found, ...missed] }
  } catch (error) {
    if (!(error instanceof MtlsError)) throw error
    return { ...answer, problems: [checkFinding(error.code, error.message, error.hint)] }
  }
}
