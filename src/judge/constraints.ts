import { isIP } from 'node:net'
import { bare } from '../text/host.js'
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
          return fault(`has the name ${name.written}, which ${authority.subject} must not give`, certificate)
        if (allowed.length > 0 && !allowed.some((subtree) => isInside(name, subtree)))
          return fault(`has the name ${name.written}, which ${authority.subject} may not give`, certificate)
      }
    }
  }
  return undefined
}

interface ConstrainedName {
  readonly kind: Subtree['kind']
  readonly written: string
  /** Undefined for a directory name, which has parts instead. */
  readonly text: string
  readonly rdns: readonly string[]
}

function namesOf(certificate: CertificateFacts): ConstrainedName[] {
  const { names, subjectRdns, directoryNames, otherEmails, commonNames, isCa } = certificate
  // Software that reads a common name as a host name would be deceived by one that no constraint covers.
  const isHost = (name: string) => /^[a-z\d*_-]+(\.[a-z\d_-]+)+\.?$/i.test(name)
  const hosts = isCa || names.dns.length > 0 ? names.dns : commonNames.map(withoutHidden).filter(isHost)
  const texts = (kind: 'dns' | 'email' | 'uri' | 'ip', values: readonly string[]) =>
    values.map((text): ConstrainedName => ({ kind, written: text, text, rdns: [] }))
  return [
    ...texts('dns', hosts),
    ...texts('email', [...names.email, ...otherEmails]),
    ...texts('uri', names.uri),
    ...texts('ip', names.ip),
    ...[subjectRdns, ...directoryNames]
      .filter((rdns) => rdns.length > 0)
      .map((rdns): ConstrainedName => ({ kind: 'directory', written: certificate.subject, text: '', rdns })),
  ]
}

/** Characters that nobody sees: some software stops at them, or skips them. */
function withoutHidden(name: string): string {
  return name.replace(/[\p{C}\s]+$|\p{C}/gu, '')
}

/** Whether everything this name stands for is in the subtree, which is of the same kind. */
function isInside({ text, rdns }: ConstrainedName, subtree: Subtree): boolean {
  switch (subtree.kind) {
    case 'directory':
      return subtree.rdns.every((rdn, index) => rdn === rdns[index])
    case 'ip':
      return isInNetwork(text, subtree.bytes)
    case 'dns':
      return isAtOrBelow(hostForm(text), hostForm(subtree.text))
    case 'email':
      return emailFits(text, subtree.text)
    case 'uri': {
      const host = uriHost(text)
      return host !== undefined && hostFits(host, hostForm(subtree.text))
    }
    case 'unsupported':
      return false
  }
}

/** Whether anything this name stands for is, or may be, in the subtree. */
function touches(name: ConstrainedName, subtree: Subtree): boolean {
  if (isInside(name, subtree)) return true
  if (subtree.kind === 'uri') return uriHost(name.text) === undefined
  if (subtree.kind === 'email') return name.text.lastIndexOf('@') < 1
  if (subtree.kind === 'ip') return addressBytes(name.text) === undefined
  if (subtree.kind !== 'dns') return false
  const text = withoutHidden(name.text)
  return isInside({ ...name, text }, subtree) || mayStandFor(hostForm(text), hostForm(subtree.text))
}

/** `*.example.com` stands for `bar.example.com` too. */
function mayStandFor(host: string, base: string): boolean {
  const [left = '', ...rest] = host.split('.')
  const [, ...above] = base.replace(/^\./, '').split('.')
  return left.includes('*') && above.join('.') === rest.join('.')
}

/** A name and everything below it; with a leading dot only what is below it; the empty name matches everything. */
function isAtOrBelow(host: string, base: string): boolean {
  if (base === '' || base === '.') return true
  return base.startsWith('.') ? host.endsWith(base) : host === base || host.endsWith(`.${base}`)
}

/** RFC 5280: for hosts in addresses and URIs, a name without a leading dot is that host alone. */
function hostFits(host: string, base: string): boolean {
  return base.startsWith('.') ? host.endsWith(base) && host !== base : host === base
}

function emailFits(address: string, base: string): boolean {
  const at = address.lastIndexOf('@')
  const [local, host] = [address.slice(0, at), hostForm(address.slice(at + 1))]
  const baseAt = base.lastIndexOf('@')
  if (at < 1) return false
  if (baseAt < 0) return hostFits(host, hostForm(base))
  // The part before the @ is case-sensitive (RFC 5321 section 2.4); a constraint without one matches any.
  return (baseAt === 0 || local === base.slice(0, baseAt)) && host === hostForm(base.slice(baseAt + 1))
}

/**
 * RFC 5280: a URI without a host name, or with an IP address as host, matches no permitted subtree and every excluded
 * one. So does one whose host readers of URIs do not agree on: with a user, with escapes, or with characters that RFC 3986
 * section 3.2 does not have.
 */
function uriHost(uri: string): string | undefined {
  const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1] ?? ''
  const [, written = ''] = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=-]*)(:\d*)?$/i.exec(authority) ?? []
  const host = hostForm(written)
  return host === '' || isIP(bare(host)) ? undefined : host
}

/** An address and a mask, each half of these bytes: any mask is accepted, as OpenSSL does. */
function isInNetwork(text: string, network: Uint8Array): boolean {
  const address = addressBytes(text)
  const half = network.length / 2
  return (
    address?.length === half &&
    address.every((byte, at) => ((byte ^ (network[at] ?? 0)) & (network[half + at] ?? 0xff)) === 0)
  )
}

/** Four or sixteen bytes; undefined for anything that is not an address. */
function addressBytes(text: string): number[] | undefined {
  if (isIP(text) === 4) return text.split('.').map(Number)
  if (isIP(text) !== 6) return undefined
  const [head = '', tail] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').flatMap(groupBytes))
  const [first, last] = [groups(head), groups(tail ?? '')]
  return [...first, ...Array.from({ length: 16 - first.length - last.length }, () => 0), ...last]
}

/** Part of an IPv6 address: two bytes in hex, or the last four as in IPv4. */
function groupBytes(group: string): number[] {
  if (group.includes('.')) return group.split('.').map(Number)
  const value = Number.parseInt(group, 16)
  return [value >> 8, value & 0xff]
}
