import { BlockList, isIP } from 'node:net'

/** Whether an address is in a network. Throws `RangeError` for what is no address. */
export type Network = (address: string) => boolean

/** The network that a text such as `10.0.0.0/8` or `fd00::/8` names; undefined if it names none. */
export function networkIn(cidr: string): Network | undefined {
  const [, base = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(cidr) ?? []
  const version = isIP(base)
  // An address that is mapped into IPv6 counts as IPv4, so that a network of such addresses would be empty.
  if (version === 0 || plainAddress(base) !== base || base.includes('%')) return undefined
  const [family, bits] = version === 4 ? (['ipv4', 32] as const) : (['ipv6', 128] as const)
  if (Number(digits) > bits) return undefined
  const list = new BlockList()
  list.addSubnet(base, Number(digits), family)
  return (address) => {
    const plain = plainAddress(address)
    const itsVersion = isIP(plain)
    if (itsVersion === 0) throw new RangeError(`${JSON.stringify(address)} is not an IP address`)
    return itsVersion === version && list.check(plain, family)
  }
}

/** Without a zone; an IPv4 address that is mapped into IPv6 (RFC 4291 section 2.5.5.2) as IPv4. */
export function plainAddress(address: string): string {
  const [unzoned = ''] = address.split('%')
  if (isIP(unzoned) !== 6) return address
  const [, high = '', low = ''] =
    /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(new URL(`http://[${unzoned}]`).hostname) ?? []
  if (high === '') return unzoned
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [first >> 8, first & 255, second >> 8, second & 255].join('.')
}
