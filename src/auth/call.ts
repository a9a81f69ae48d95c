import type { Identity } from './identity.js'

/** What a call asks for: the thing that rules, limits and records name. */
export type CallTarget =
  | { readonly kind: 'tool' | 'prompt'; readonly name: string }
  /** A resource, or a template of resources (RFC 6570), by its URI. */
  | { readonly kind: 'resource'; readonly uri: string }
  /** The resources whose changes a client listens for; none when it listens for changes of lists alone. */
  | { readonly kind: 'subscription'; readonly uris: readonly string[] }
  /** Everything else: lists, `ping`, `initialize`, methods of extensions. */
  | { readonly kind: 'method' }

/** Who calls, and over what: the same for every message of one HTTP request. */
export interface CallOrigin {
  /** Undefined without TLS. */
  readonly caller: Identity | undefined
  /** Name of the server that is called. */
  readonly server: string
  /** Revision that the message is written in: `2025-03-26` when it does not say. */
  readonly protocolVersion: string
  /** IP address of the peer, where it is known. */
  readonly address?: string | undefined
}

/** One classified call: a JSON-RPC request of a client. Everything that judges or records calls takes this value. */
export interface Call extends CallOrigin {
  readonly id: string | number
  readonly method: string
  readonly target: CallTarget
  /** Of a tool, prompt or completion; as parsed. */
  readonly arguments: unknown
  /** Of a completion: the arguments that have a value already. */
  readonly settled?: unknown
}

/** The messages of one body, sorted: what wants an answer, and what does not. */
export interface Classified {
  readonly calls: readonly Call[]
  /** Why the body is refused as a whole: JSON-RPC 2.0 section 6, MCP 2025-06-18 (no batches any more). */
  readonly problem?: string
}

const firstWithoutBatches = '2025-06-18'
const longestId = 256
/** Each may run; limits count requests of HTTP. */
const longestBatch = 100

/** The calls in a parsed JSON body. Pure, and never throws: what is no request of JSON-RPC is no call. */
export function classify(body: unknown, origin: CallOrigin): Classified {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body]
  const calls = messages.flatMap((message) => callIn(message, origin))
  const problem =
    idProblem(calls) ??
    (Array.isArray(body) ? batchProblem(calls, messages.length, origin.protocolVersion) : undefined)
  return problem === undefined ? { calls } : { calls, problem }
}

/** Ids are kept while calls run, and some longer. */
function idProblem(calls: readonly Call[]): string | undefined {
  const isTooLong = calls.some(({ id }) => typeof id === 'string' && id.length > longestId)
  return isTooLong ? `the id of a request has more than ${longestId} characters` : undefined
}

function batchProblem(calls: readonly Call[], messages: number, version: string): string | undefined {
  if (version >= firstWithoutBatches)
    return `revision ${version} has no batches: they ended with ${firstWithoutBatches}`
  if (messages > longestBatch) return `a batch has at most ${longestBatch} messages`
  if (calls.some(({ method }) => method === 'initialize')) return 'initialize may not be part of a batch'
  if (new Set(calls.map(({ id }) => id)).size < calls.length) return 'two requests of the batch have one id'
  return undefined
}

/** The call in one message, if it is one. */
export function callIn(message: unknown, origin: CallOrigin): [] | [Call] {
  const { id, method, params } = fieldsOf(message)
  if (typeof method !== 'string' || (typeof id !== 'string' && typeof id !== 'number')) return []
  const fields = fieldsOf(params)
  const { caller, address, server, protocolVersion } = origin
  // All of one shape, field by field: what is made for each call is read by everybody, and copies cost as much as decisions.
  return [
    {
      caller,
      address,
      server,
      protocolVersion,
      id,
      method,
      target: targetOf(method, fields),
      arguments: argumentsOf(method, fields),
      settled: method === 'completion/complete' ? fieldsOf(fields.context).arguments : undefined,
    },
  ]
}

function targetOf(method: string, params: Fields): CallTarget {
  switch (method) {
    case 'tools/call':
      return named('tool', params.name)
    case 'prompts/get':
      return named('prompt', params.name)
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return resource(params.uri)
    case 'completion/complete': {
      const { type, name, uri } = fieldsOf(params.ref)
      if (type === 'ref/prompt') return named('prompt', name)
      return type === 'ref/resource' ? resource(uri) : { kind: 'method' }
    }
    case 'subscriptions/listen':
      return subscription(params.notifications)
    default:
      return { kind: 'method' }
  }
}

function argumentsOf(method: string, params: Fields): unknown {
  return method === 'completion/complete' ? params.argument : params.arguments
}

function named(kind: 'tool' | 'prompt', name: unknown): CallTarget {
  return typeof name === 'string' ? { kind, name } : { kind: 'method' }
}

function resource(uri: unknown): CallTarget {
  return typeof uri === 'string' ? { kind: 'resource', uri } : { kind: 'method' }
}

function subscription(filter: unknown): CallTarget {
  const uris = fieldsOf(filter).resourceSubscriptions ?? []
  const isKnown = typeof filter === 'object' && filter !== null && Array.isArray(uris)
  return isKnown && uris.every((uri) => typeof uri === 'string')
    ? { kind: 'subscription', uris }
    : { kind: 'method' }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
