import { BlockList, isIP, type LookupFunction, type TcpNetConnectOpts } from 'node:net'
import { bare } from '../text/host.js'

/**
 * The addresses of `localhost`, whatever the resolver says (RFC 6761 section 6.3): some say ::1 alone, others
 * 127.0.0.1.
 */
export const localhostAddresses = ['127.0.0.1', '::1'] as const

/**
 * How long to wait for one address before trying the next, milliseconds. On this machine an answer takes almost no
 * time.
 */
const attemptTimeout = 5000

/** `localhost`, or a name below it. */
export function isLocalhost(host: string): boolean {
  return /^(.+\.)?localhost\.?$/i.test(host)
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/**
 * Whether this host name or address (with or without brackets) is this machine alone. `*.localhost` is not: resolvers
 * differ.
 */
export function isLoopback(host: string): boolean {
  const name = bare(host).toLowerCase()
  if (name === 'localhost' || name === 'localhost.') return true
  const family = isIP(name)
  return family !== 0 && loopback.check(name, family === 6 ? 'ipv6' : 'ipv4')
}

const lookup: LookupFunction = (_host, { all, family }, callback) => {
  const found = localhostAddresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const [first = found[0]] = family === 6 ? found.slice(1) : found
  if (all) callback(null, found)
  else callback(null, first?.address ?? '', first?.family)
}

/**
 * Options of a connection to this host, for `net`, `tls`, `http` and undici: `localhost` is tried at both of its
 * addresses, even where Node is configured to try one; nothing for other hosts.
 */
export function waysTo(
  host: string,
): Pick<TcpNetConnectOpts, 'lookup' | 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'> {
  if (!isLocalhost(host)) return {}
  return { lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: attemptTimeout }
}
