import type { CallerFacts } from '../server/caller-facts.js'

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
  const answered = changed(message, 'result', withoutOurs)
  const asked = changed(answered, 'params', (params) =>
    changed(withoutOurs(params), 'inputResponses', allWithoutOurs),
  )
  const isRequest = 'method' in message && 'id' in message
  return caller && isRequest ? withCaller(asked, caller) : asked
}

function withCaller(message: Fields, caller: CallerFacts): Fields {
  const { params = {} } = message
  if (!isObject(params)) return message
  const { _meta = {} } = params
  if (!isObject(_meta)) return message
  return { ...message, params: { ...params, _meta: { ..._meta, [callerKey]: caller } } }
}

/** Without what its `_meta` has under our prefix. */
function withoutOurs(fields: Fields): Fields {
  return changed(fields, '_meta', (meta) => {
    const kept = Object.entries(meta).filter(([key]) => !ours.test(key))
    return kept.length === Object.keys(meta).length ? meta : Object.fromEntries(kept)
  })
}

function allWithoutOurs(responses: Fields): Fields {
  return Object.keys(responses).reduce((all, name) => changed(all, name, withoutOurs), responses)
}

/** With another value under this name, if there is an object there and it changes. */
function changed(fields: Fields, name: string, change: (value: Fields) => Fields): Fields {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (!isObject(value)) return fields
  const made = change(value)
  return made === value ? fields : { ...fields, [name]: made }
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
