import { bare } from '../text/host.js'
import { contentsOf, type Element, elementAt, elementsIn } from './der/der.js'
import { objectIdText } from './der/object-id.js'
import { rdnsOf, readName } from './name.js'

/** The subject alternative names of a certificate, by kind (RFC 5280 section 4.2.1.6). */
export interface SubjectNames {
  readonly dns: readonly string[]
  readonly ip: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
}

/** All of them, hosts first. */
export function namesOf({ dns, ip, email, uri }: SubjectNames): string[] {
  return [...dns, ...ip, ...email, ...uri]
}

/** The names by which a server is called. */
export function hostsOf({ dns, ip }: SubjectNames): string[] {
  return [...dns, ...ip]
}

const sequence = 0x30
/** X.400 addresses, EDI party names and registered ids (RFC 5280 section 4.2.1.6). */
const notRead: readonly number[] = [0xa3, 0xa5, 0x88]

/**
 * Reads subject alternative names. Throws `RangeError` if they are invalid. Written by hand: a certificate may have
 * hundreds, and a stranger's is read before the peer is known.
 */
export function readSubjectNames(der: Uint8Array): {
  names: SubjectNames
  directoryNames: string[][]
  /** Addresses with non-ASCII letters (RFC 9598). */
  mailboxes: string[]
} {
  const names = { dns: [] as string[], ip: [] as string[], email: [] as string[], uri: [] as string[] }
  const directoryNames: string[][] = []
  const mailboxes: string[] = []
  for (const name of wholeSequence(der)) {
    const contents = Buffer.from(contentsOf(name))
    if (name.tag === 0x81) names.email.push(contents.toString('latin1'))
    else if (name.tag === 0x82) names.dns.push(contents.toString('latin1'))
    else if (name.tag === 0x86) names.uri.push(contents.toString('latin1'))
    else if (name.tag === 0x87) names.ip.push(addressText(contents))
    else if (name.tag === 0xa4) directoryNames.push(rdnsOf(readName(contents)))
    else if (name.tag === 0xa0) mailboxes.push(...mailboxIn(name))
    else if (!notRead.includes(name.tag)) throw new RangeError('no general name')
  }
  return { names, directoryNames, mailboxes }
}

/** The text of an other name, if it is `id-on-SmtpUTF8Mailbox`. */
function mailboxIn(name: Element): string[] {
  const [id, value] = [...elementsIn(name)]
  if (!id || !value) throw new RangeError('no other name')
  if (objectIdText(contentsOf(id)) !== '1.3.6.1.5.5.7.8.9') return []
  return [Buffer.from(contentsOf(elementAt(value.bytes, value.contents, value.end))).toString('utf8')]
}

/** Reads a sequence of object identifiers, such as extended key usages. Throws `RangeError` if it is invalid. */
export function readObjectIds(der: Uint8Array): string[] {
  return [...wholeSequence(der)].map((id) => {
    if (id.tag !== 0x06) throw new RangeError('no object identifier')
    return objectIdText(contentsOf(id))
  })
}

function wholeSequence(der: Uint8Array): Iterable<Element> {
  const whole = elementAt(der, 0)
  if (whole.tag !== sequence || whole.end !== der.length) throw new RangeError('no sequence')
  return elementsIn(whole)
}

/** In the usual notation; in hex if the length is not that of an address. */
function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return bytes.toString('hex')
  const groups = bytes.toString('hex').match(/.{4}/g) ?? []
  return bare(new URL(`http://[${groups.join(':')}]`).hostname) // in the format of RFC 5952
}
