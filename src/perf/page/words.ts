import type { Environment } from '../environment.js'
import type { Expectation } from '../expectations.js'
import type { ConnectionKind } from '../load/handshakes.js'
import { busyShare } from '../machine-load.js'

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

/** With the interval of the median, where there is one. */
export function measuredText({ measured, interval }: Expectation): string {
  return `${measured ?? '–'}${interval ? ` (${interval.join(' … ')})` : ''}`
}

export const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`

/** Something else was running: rates and times are affected by it, ratios less so. */
export function noise({
  cores,
  load_average: load,
  load_by_others: others,
}: Environment): string | undefined {
  const signs = [
    ...(load > cores / 2 ? [`load ${load} on ${cores} cores before`] : []),
    ...(others !== null && others > busyShare
      ? [`others took ${Math.round(others * 100)} % of its CPU`]
      : []),
  ]
  return signs.length === 0
    ? undefined
    : `The machine was busy (${signs.join(', ')}): trust the ratios, not the rates and times.`
}

export const footnote =
  'CPU: of the server, for one call. Spread: between the lowest and the highest repetition, in percent of the middle one. In parentheses: where the median is, with 95 % confidence; an expectation between both ends is inconclusive.'
