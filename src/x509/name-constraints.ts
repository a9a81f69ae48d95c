import { contentsOf, type Element, elementAt, elementsIn } from './der/der.js'
import { rdnsOf, readName } from './name.js'

/** A part of the names of one kind (RFC 5280 section 4.2.1.10). */
export type Subtree =
  | { readonly kind: 'dns' | 'email' | 'uri'; readonly text: string }
  /** An address and a mask of the same length. */
  | { readonly kind: 'ip'; readonly bytes: Uint8Array }
  /** Relative names, the least specific first. */
  | { readonly kind: 'directory'; readonly rdns: readonly string[] }
  | { readonly kind: 'unsupported' }

/** Which names the certificates below a CA may have. */
export interface NameConstraints {
  readonly permitted: readonly Subtree[]
  readonly excluded: readonly Subtree[]
}

/** Reads the extension. Throws `RangeError` if it is invalid. */
export function readNameConstraints(der: Uint8Array): NameConstraints {
  const found = { permitted: [] as Subtree[], excluded: [] as Subtree[] }
  for (const part of elementsIn(elementAt(der, 0))) {
    const list = part.tag === 0xa0 ? found.permitted : part.tag === 0xa1 ? found.excluded : undefined
    if (!list) throw new RangeError('no name constraints')
    list.push(...[...elementsIn(part)].map(subtreeIn))
  }
  return found
}

function subtreeIn(subtree: Element): Subtree {
  // A minimum or a maximum makes it another kind of subtree, which RFC 5280 does not allow.
  const [base, ...limits] = [...elementsIn(subtree)]
  if (!base || limits.length > 0) return { kind: 'unsupported' }
  const contents = contentsOf(base)
  const text = Buffer.from(contents).toString('latin1')
  switch (base.tag) {
    case 0x81:
      return { kind: 'email', text }
    case 0x82:
      return { kind: 'dns', text }
    case 0x86:
      return { kind: 'uri', text }
    case 0x87:
      return contents.length === 8 || contents.length === 32
        ? { kind: 'ip', bytes: contents }
        : { kind: 'unsupported' }
    case 0xa4:
      return { kind: 'directory', rdns: rdnsOf(readName(contents)) }
    default:
      return { kind: 'unsupported' }
  }
}
