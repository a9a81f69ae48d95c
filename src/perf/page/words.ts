import type { Environment } from '../environment.js'
import type { Expectation } from '../expectations.js'
import type { ConnectionKind } from '../load/handshakes.js'

// Texts shared by the terminal output and the page.

export const connectionNames: Readonly<Record<ConnectionKind, string>> = {
  plain: 'HTTP',
  full: 'mTLS, full handshake',
  resumed: 'mTLS, resumed',
}

export function machine({
  version,
  node,
  openssl,
  platform,
  cores,
  cpu,
  load_average: load,
}: Environment): string {
  return `mcp-mtls ${version}, Node ${node}, OpenSSL ${openssl}, ${platform}, ${cores} × ${cpu}, load ${load}`
}

export function measuredCall({ call, servers, tls, key }: Environment): string {
  const whose =
    servers === 'own'
      ? 'servers of its own on this machine'
      : servers.http
        ? `${servers.http} and ${servers.mtls}`
        : servers.mtls
  const group = tls.key_exchange === null ? '' : ` ${tls.key_exchange}`
  return `Calls ${call} of ${whose}; ${tls.version} ${tls.cipher}${group}, ${key}`
}

export type Verdict = 'met' | 'not met' | 'not measured'

export function verdictOf({ met }: Expectation): Verdict {
  return met === null ? 'not measured' : met ? 'met' : 'not met'
}

export const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`

/** Something else was running: rates and times are affected by it, ratios less so. */
export function noise({ cores, load_average: load }: Environment): string | undefined {
  return load > cores / 2
    ? `This machine was busy (load ${load} on ${cores} cores): trust the ratios.`
    : undefined
}

export const footnote =
  'CPU: of the server, for one call. Spread: between the lowest and the highest repetition, in percent of the middle one.'
