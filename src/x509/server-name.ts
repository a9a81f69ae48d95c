import { isIP } from 'node:net'
import { bare } from '../text/host.js'
import { hostForm } from './host-name.js'
import type { SubjectNames } from './subject-names.js'

/**
 * Whether a certificate with these names is valid for `host` (RFC 9525 section 6): a DNS name by DNS SAN, an IP address
 * by IP SAN, never by common name. A wildcard stands for exactly one whole left-most label.
 */
export function coversServerName(names: SubjectNames, host: string): boolean {
  const name = bare(host)
  if (isIP(name)) return names.ip.some((ip) => sameAddress(ip, name))
  const wanted = hostForm(name)
  const [first, ...rest] = wanted.split('.')
  if (!first) return false
  const wildcard = rest.length >= 2 ? `*.${rest.join('.')}` : undefined
  return names.dns.map(hostForm).some((covered) => covered === wanted || covered === wildcard)
}

function sameAddress(one: string, other: string): boolean {
  return canonical(one) === canonical(other)
}

/** IPv6 has many spellings; the URL parser knows the canonical one. A zone (`%eth0`) concerns only this machine. */
function canonical(address: string): string {
  const [unzoned = ''] = address.split('%')
  return isIP(unzoned) === 6 ? new URL(`http://[${unzoned}]/`).hostname : unzoned
}
