import type { CallerFacts } from '../server/caller-facts.js'
import { folded } from '../text/folded.js'

/** Where a server finds its caller, in `params._meta` of each request. */
export const callerKey = 'mcp-mtls/caller'

/** Folded as Unicode does, for servers that compare without case. */
const ours = /^mcp-mtls\//iu

/**
 * A message of a client, or a batch, as the server behind gets it: what the client itself has put under our prefix is
 * gone, and requests say who calls. What is no object where one belongs is left for the server to refuse. The input is
 * not changed, and is given back where nothing is to change.
 */
export function stamped(body: unknown, caller: CallerFacts | undefined): unknown {
  if (!Array.isArray(body)) return stampedOne(body, caller)
  const messages = body.map((message) => stampedOne(message, caller))
  return messages.every((message, at) => message === body[at]) ? body : messages
}

function stampedOne(message: unknown, caller: CallerFacts | undefined): unknown {
  if (!isObject(message)) return message
  const cleaned = withoutOurs(spelled(message)) as Fields
  const isRequest = 'method' in message && 'id' in message
  return caller && isRequest ? withCaller(cleaned, caller) : cleaned
}

const ofMessage: readonly string[] = ['jsonrpc', 'id', 'method', 'params', 'result', 'error']
const ofParams: readonly string[] = ['_meta']

/** Without names of the protocol in another case: a server that takes them (Go) would find them in the place of ours. */
function spelled(message: Fields): Fields {
  const named = withoutVariants(message, ofMessage)
  const { params } = named
  const kept = isObject(params) ? withoutVariants(params, ofParams) : params
  return kept === params ? named : { ...named, params: kept }
}

function withoutVariants(value: Fields, names: readonly string[]): Fields {
  const entries = Object.entries(value)
  const kept = entries.filter(([key]) => names.includes(key) || !names.includes(folded(key)))
  return kept.length === entries.length ? value : Object.fromEntries(kept)
}

function withCaller(message: Fields, caller: CallerFacts): Fields {
  const { params = {} } = message
  if (!isObject(params)) return message
  const { _meta = {} } = params
  if (!isObject(_meta)) return message
  return { ...message, params: { ...params, _meta: { ..._meta, [callerKey]: caller } } }
}

/** Without what any `_meta` in it has under our prefix: parts of a message have one of their own. */
function withoutOurs(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(withoutOurs)
    return items.every((item, at) => item === value[at]) ? value : items
  }
  if (!isObject(value)) return value
  const entries = Object.entries(value)
  const kept = entries.map(([name, member]) => [
    name,
    withoutOurs(folded(name) === '_meta' ? pruned(member) : member),
  ])
  return kept.every(([, member], at) => member === entries[at]?.[1]) ? value : Object.fromEntries(kept)
}

function pruned(meta: unknown): unknown {
  if (!isObject(meta)) return meta
  const kept = Object.entries(meta).filter(([key]) => !ours.test(key))
  return kept.length === Object.keys(meta).length ? meta : Object.fromEntries(kept)
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
