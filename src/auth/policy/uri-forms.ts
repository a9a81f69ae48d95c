import { urlIn } from '../../text/url.js'

let last: { readonly uri: string; readonly forms: readonly string[] } | undefined

/**
 * Other spellings of a URI that servers may read as one resource: as parsers of URLs write it (WHATWG), its scheme and host in lower case,
 * without user, root dot, fragment, query and a slash at the end, with its escapes decoded (RFC 3986 sections 3.5 and 6.2.2), and with one
 * slash where there are several.
 */
export function formsOf(uri: string): readonly string[] {
  if (last?.uri === uri) return last.forms // many rules look at one URI
  const written = plainAuthority(urlIn(uri)?.href ?? uri)
  const [whole = ''] = written.split('#', 1)
  const [path = ''] = whole.split('?', 1)
  const read = [written, whole, path].flatMap((form) => [form, decoded(form)])
  const single = read.flatMap((form) => [form, singleSlashes(form)])
  const all = new Set(single.flatMap((form) => [form, form.replace(/(?<=[^/:])\/$/, '')]))
  const forms = [...all].filter((form) => form !== uri) // most have one spelling
  last = { uri, forms }
  return forms
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri)
  } catch {
    return uri
  }
}

function plainAuthority(uri: string): string {
  const [whole, scheme = '', host = ''] = /^([a-z][a-z\d+.-]*:\/\/)(?:[^/?#]*@)?([^/?#@]*)/i.exec(uri) ?? []
  if (whole === undefined) return uri
  return scheme.toLowerCase() + host.toLowerCase().replace(/\.(?=$|:\d)/, '') + uri.slice(whole.length)
}

/** Behind the authority, whose own slashes stay. */
function singleSlashes(uri: string): string {
  const [before = ''] = /^[^/?#]*:\/\/[^/?#]*/.exec(uri) ?? []
  return before + uri.slice(before.length).replace(/\/{2,}/g, '/')
}
