import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { bare } from '../../text/host.js'
import { claimsSpiffe, isSpiffeId } from '../../text/spiffe.js'
import { urlIn } from '../../text/url.js'

/** One subject alternative name in the form it stands in the certificate. */
export interface SubjectName {
  readonly kind: 'dns' | 'ip' | 'email' | 'uri'
  readonly value: string
}

type Parsed = SubjectName | { readonly problem: string }

/**
 * Reads `dns:NAME`, `ip:ADDRESS`, `email:ADDRESS` or `uri:URI`; without a prefix the kind is told
 * from the form. Gives the canonical spelling (lower case, IDNA, short IPv6), or what is wrong.
 */
export function parseSubjectName(text: string): Parsed {
  const [, prefix, rest = text] = /^(dns|ip|email|uri):(?!\/\/)(.*)$/is.exec(text.trim()) ?? []
  const kind = (prefix?.toLowerCase() as SubjectName['kind'] | undefined) ?? kindOf(rest.trim())
  const value = readers[kind](rest.trim())
  return value === undefined
    ? { problem: `${JSON.stringify(text)} is not ${described[kind]}` }
    : { kind, value }
}

const described = {
  dns: 'a DNS name (letters, digits, hyphens and dots; * only as its whole first label)',
  ip: 'an IP address',
  email: 'an email address',
  uri: 'an absolute URI (a SPIFFE ID is spiffe://trust-domain/path, lower-case domain, no query, no port)',
} as const

function kindOf(text: string): SubjectName['kind'] {
  if (isIP(bare(text))) return 'ip'
  if (text.includes('://')) return 'uri'
  return text.includes('@') ? 'email' : 'dns'
}

const readers: Readonly<Record<SubjectName['kind'], (text: string) => string | undefined>> = {
  dns: readDnsName,
  ip: readAddress,
  email: readEmail,
  uri: readUri,
}

/** A DNS name in lower case, international ones as A-labels (RFC 5280 section 7.2); undefined when it is none. */
export function readDnsName(text: string): string | undefined {
  const [, wildcard = '', name = ''] = /^(\*\.)?(.+)$/s.exec(text) ?? []
  // Everything the URL parser would take for the end of a host, or decode, is no part of a name.
  if (/[\s/?#@:%\\[\]]/.test(name) || isIP(name)) return undefined
  const ascii = domainToASCII(name)
  // Underscores are no part of host names, and names of containers have them all the same.
  const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/
  const labels = ascii.split('.')
  if (ascii.length > 253 || !labels.every((part) => label.test(part)) || isIP(ascii)) return undefined
  // RFC 9525 section 6.3: a wildcard for a whole top-level domain matches nothing.
  if (wildcard && labels.length < 2) return undefined
  return wildcard + ascii
}

function readAddress(text: string): string | undefined {
  const address = bare(text)
  if (address.includes('%')) return undefined // a zone is meaningful on one machine only
  if (isIP(address) === 6) return bare(new URL(`http://[${address}]/`).hostname)
  return isIP(address) === 4 ? address : undefined
}

function readEmail(text: string): string | undefined {
  const [, local, domain = ''] = /^([\x21-\x3f\x41-\x7e]{1,64})@([^@*]+)$/.exec(text) ?? []
  const host = readDnsName(domain)
  return local && host ? `${local}@${host}` : undefined
}

function readUri(text: string): string | undefined {
  if (!/^[\x21-\x7e]{1,2048}$/.test(text)) return undefined
  if (claimsSpiffe(text)) return isSpiffeId(text) ? text : undefined
  // RFC 5280 section 4.2.1.6: absolute, and with a host when there is an authority.
  const url = urlIn(text)
  if (!url) return undefined
  const { protocol, host } = url
  return host !== '' || protocol === 'urn:' ? text : undefined
}
