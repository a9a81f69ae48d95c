import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Is this host name or address (with or without brackets) this machine alone? `*.localhost` is not: resolvers differ. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (bare === 'localhost' || bare === 'localhost.') return true
  const family = isIP(bare)
  return family !== 0 && loopback.check(bare, family === 6 ? 'ipv6' : 'ipv4')
}

interface Exposure {
  /** Is TLS on? */
  readonly tls: boolean
  readonly demoMode: boolean
  readonly demoAllowRemote: boolean
}

/** Why this host may not be listened on or connected to; undefined when it may. Plain HTTP has no way out, on purpose. */
export function exposureProblem(
  host: string,
  { tls, demoMode, demoAllowRemote }: Exposure,
): string | undefined {
  if (isLoopback(host)) return undefined
  if (!tls) return `${host}: without TLS only loopback is allowed (127.0.0.1, ::1, localhost)`
  if (demoMode && !demoAllowRemote)
    return `${host}: demo mode allows only loopback (127.0.0.1, ::1, localhost) unless demoAllowRemote (TLS_DEMO_ALLOW_REMOTE) is true`
  return undefined
}
