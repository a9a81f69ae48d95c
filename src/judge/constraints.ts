import { BlockList, isIP } from 'node:net'
import type { CertificateFacts } from '../x509/certificate.js'
import { hostForm } from '../x509/host-name.js'
import type { Subtree } from '../x509/name-constraints.js'
import type { PathFault } from './fault.js'

/** The first name on a path that a CA above it does not allow (RFC 5280 sections 4.2.1.10 and 6.1.4). */
export function constraintFault(certificates: readonly CertificateFacts[]): PathFault | undefined {
  for (const [index, authority] of certificates.entries()) {
    const { nameConstraints } = authority
    if (!nameConstraints || index === 0) continue
    const { permitted, excluded } = nameConstraints
    const fault = (words: string, certificate: CertificateFacts): PathFault => ({
      kind: 'constraint',
      certificate,
      words,
    })
    if ([...permitted, ...excluded].some(({ kind }) => kind === 'unsupported'))
      return fault('has a name constraint of a kind that is not supported', authority)
    for (const [below, certificate] of certificates.slice(0, index).entries()) {
      // A CA that issues itself a new key does not choose a new name with it.
      if (below > 0 && certificate.selfIssued) continue
      for (const name of namesOf(certificate)) {
        const of = (subtrees: readonly Subtree[]) => subtrees.filter(({ kind }) => kind === name.kind)
        const allowed = of(permitted)
        if (of(excluded).some((subtree) => touches(name, subtree)))
          return fault(`has the name ${name.shown}, which ${authority.subject} must not give`, certificate)
        if (allowed.length > 0 && !allowed.some((subtree) => isInside(name, subtree)))
          return fault(`has the name ${name.shown}, which ${authority.subject} may not give`, certificate)
      }
    }
  }
  return undefined
}

type ConstrainedName = { readonly shown: string } & (
  | { readonly kind: 'dns' | 'email' | 'uri' | 'ip'; readonly text: string }
  | { readonly kind: 'directory'; readonly rdns: readonly string[] }
)

function namesOf(certificate: CertificateFacts): ConstrainedName[] {
  const { names, subjectRdns, directoryNames, subjectEmails, commonName = '', isCa } = certificate
  // Software that takes a common name for a host name would be deceived by one that no constraint sees.
  const hostLike = !isCa && names.dns.length === 0 && /^[a-z\d*_-]+(\.[a-z\d_-]+)+\.?$/i.test(commonName)
  const texts = (kind: 'dns' | 'email' | 'uri' | 'ip', values: readonly string[]) =>
    values.map((text): ConstrainedName => ({ kind, text, shown: text }))
  return [
    ...texts('dns', hostLike ? [commonName] : names.dns),
    ...texts('email', [...names.email, ...subjectEmails]),
    ...texts('uri', names.uri),
    ...texts('ip', names.ip),
    ...[subjectRdns, ...directoryNames]
      .filter((rdns) => rdns.length > 0)
      .map((rdns): ConstrainedName => ({ kind: 'directory', rdns, shown: certificate.subject })),
  ]
}

/** Whether all that this name stands for is in the subtree. */
function isInside(name: ConstrainedName, subtree: Subtree): boolean {
  if (name.kind === 'directory')
    return subtree.kind === 'directory' && subtree.rdns.every((rdn, index) => rdn === name.rdns[index])
  if (subtree.kind === 'ip') return name.kind === 'ip' && isInNetwork(name.text, subtree.bytes)
  if (name.kind !== subtree.kind || !('text' in subtree)) return false
  const base = hostForm(subtree.text)
  switch (name.kind) {
    case 'dns':
      return isAtOrBelow(hostForm(name.text), base)
    case 'email':
      return emailFits(name.text, subtree.text)
    default: {
      const host = uriHost(name.text)
      return host !== undefined && hostFits(host, base)
    }
  }
}

/** Whether anything that this name stands for is in the subtree, or may be. */
function touches(name: ConstrainedName, subtree: Subtree): boolean {
  if (isInside(name, subtree)) return true
  if (name.kind === 'ip' && subtree.kind === 'ip') return !isIP(name.text)
  if (name.kind === 'uri') return uriHost(name.text) === undefined
  if (name.kind !== 'dns' || subtree.kind !== 'dns') return false
  // `*.example.com` stands for `bar.example.com` too.
  const [left, ...rest] = hostForm(name.text).split('.')
  const base = hostForm(subtree.text).replace(/^\./, '').split('.')
  return (
    left?.includes('*') === true &&
    base.length === rest.length + 1 &&
    base.slice(1).join('.') === rest.join('.')
  )
}

/** A name and all below it; with a dot before it all below it alone; the empty one is everything. */
function isAtOrBelow(host: string, base: string): boolean {
  if (base === '' || base === '.') return true
  return base.startsWith('.') ? host.endsWith(base) : host === base || host.endsWith(`.${base}`)
}

/** RFC 5280: for hosts in addresses and URIs a name without a dot before it is that host alone. */
function hostFits(host: string, base: string): boolean {
  return base.startsWith('.') ? host.endsWith(base) && host.length > base.length : host === base
}

function emailFits(address: string, base: string): boolean {
  const at = address.lastIndexOf('@')
  const [local, host] = [address.slice(0, at), hostForm(address.slice(at + 1))]
  const baseAt = base.lastIndexOf('@')
  if (at < 1) return false
  if (baseAt < 0) return hostFits(host, hostForm(base))
  // The part before the @ is told apart by case (RFC 5321 section 2.4).
  return local === base.slice(0, baseAt) && host === hostForm(base.slice(baseAt + 1))
}

/** RFC 5280: a URI without a host name, or with an address for it, is in no subtree and may be in each. */
function uriHost(uri: string): string | undefined {
  const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1] ?? ''
  const host = hostForm(authority.replace(/^.*@/, '').replace(/:\d*$/, ''))
  return host === '' || isIP(host.replace(/^\[|\]$/g, '')) ? undefined : host
}

function isInNetwork(address: string, network: Uint8Array): boolean {
  const half = network.length / 2
  const family = half === 4 ? 'ipv4' : 'ipv6'
  const version = isIP(address)
  if (version !== (half === 4 ? 4 : 6)) return false
  const bits = [...network.subarray(half)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const prefix = /^(1*)0*$/.exec(bits)?.[1]?.length
  if (prefix === undefined) return false // a mask with holes is no network
  const list = new BlockList()
  if (prefix === 0) return true
  list.addSubnet(textOf(network.subarray(0, half)), prefix, family)
  return list.check(address, family)
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/.{4}(?=.)/g, '$&:')
}
