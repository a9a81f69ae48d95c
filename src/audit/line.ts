import type { Call, CallTarget } from '../auth/call.js'
import { type Identity, ownerOf } from '../auth/identity.js'
import { printableJson } from '../text/printable.js'
import { shortened } from '../text/shortened.js'
import { canonicalJson } from './canonical.js'
import type { Entry } from './chain.js'
import { type IsSecret, shownArguments } from './shown-arguments.js'

/** What was decided before anything ran. */
export type Decision = 'allowed' | 'denied' | 'limited'
/** How a call ended. */
export type Outcome = 'ok' | 'tool_error' | 'error' | 'denied' | 'limited' | 'aborted'

/** What is known of a call before it runs. */
export interface CallStart {
  readonly call: Call
  /** Of the peer, without port. */
  readonly address: string | undefined
  readonly decision: Decision
  /** Name of the rule that decided. */
  readonly rule?: string | undefined
  readonly requestId: string
  readonly bytesIn: number
  /** Header of W3C Trace Context. */
  readonly traceparent?: string | undefined
  /** Set where rules are tried out only: `decision` is what they would have done. */
  readonly report?: boolean | undefined
}

/** What is known of a call once it has ended. */
export interface CallEnd extends CallStart {
  readonly outcome: Outcome
  /** A code: `NOT_AUTHORIZED`, or that of a JSON-RPC error. Never a text. */
  readonly error?: string | number | undefined
  readonly durationMs: number
  readonly bytesOut: number
}

/** What of arguments goes into a line. */
export interface ArgumentsInLines {
  /** Their keyed hash. */
  readonly hmac: (text: string) => string
  /** Undefined where arguments are not recorded themselves. */
  readonly isSecret: IsSecret | undefined
}

/** The line of a call that has ended. */
export function callEntry(end: CallEnd, how: ArgumentsInLines, now: Date): Entry {
  const { outcome, error, durationMs, bytesOut } = end
  return entryOf('call', end, { outcome, error, durationMs, bytesOut }, how, now)
}

/** The line that says that a call is about to run. */
export function intentEntry(start: CallStart, how: ArgumentsInLines, now: Date): Entry {
  return entryOf('intent', start, {}, how, now)
}

function entryOf(
  event: string,
  { call, address, decision, rule, requestId, bytesIn, traceparent, report }: CallStart,
  { outcome, error, durationMs, bytesOut }: Partial<CallEnd>,
  how: ArgumentsInLines,
  now: Date,
): Entry {
  const { tool, target } = named(call.target)
  const shown =
    how.isSecret && call.arguments !== undefined
      ? `,"arguments":${shownArguments(call.arguments, how.isSecret)}`
      : ''
  const members = `"event":"${event}","server":${text(call.server)},"method":${text(call.method)},"tool":${text(tool)},"target":${text(target)},${identityMembers(call.caller)},"address":${text(address)},"decision":"${decision}","rule":${text(rule)},"outcome":${text(outcome)},"error":${code(error)},"duration_ms":${number(durationMs)},"request_id":${text(requestId)},"protocol_version":${text(call.protocolVersion)},"bytes_in":${number(bytesIn)},"bytes_out":${number(bytesOut)},"trace_id":${text(traceId(traceparent))},"arguments_hmac":${text(argumentsHmac(call.arguments, how.hmac))}${shown}${report ? ',"report":true' : ''}`
  return { time: now.toISOString(), members }
}

/** Refusals of one address within a second, for one reason. */
export interface Refusals {
  readonly server: string | undefined
  /** Undefined when there were too many addresses to count each. */
  readonly address: string | undefined
  readonly reason: string
  readonly count: number
}

export function refusedEntry({ server, address, reason, count }: Refusals, now: Date): Entry {
  const members = `"event":"refused","server":${text(server)},"address":${text(address)},"decision":"refused","error":${code(reason)},"count":${count}`
  return { time: now.toISOString(), members }
}

/** A line about the record itself. */
export function eventEntry(event: string, fields: Readonly<Record<string, unknown>>, now: Date): Entry {
  const members = Object.entries(fields).map(([name, value]) => `,"${name}":${json(value)}`)
  return { time: now.toISOString(), members: `"event":"${event}"${members.join('')}` }
}

function json(value: unknown): string {
  return printableJson(JSON.stringify(value) ?? 'null')
}

/** What stands in JSON as it is, and is not too long. */
const plain = /^[ !#-[\]-~]{0,256}$/

/** Text of a caller. */
function text(value: string | undefined): string {
  if (value === undefined) return 'null'
  return plain.test(value) ? `"${value}"` : json(shortened(value))
}

function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return 'null'
  return String(Number.isInteger(value) ? value : Math.round(value * 1000) / 1000)
}

/** Whatever is no code might be the words of a tool. */
function code(value: string | number | undefined): string {
  if (value === undefined) return 'null'
  return /^(?:[A-Z][A-Z\d_]{0,63}|-?\d{1,10})$/.test(String(value)) ? `"${value}"` : '"UNKNOWN"'
}

function named(target: CallTarget): { readonly tool?: string; readonly target?: string } {
  switch (target.kind) {
    case 'tool':
      return { tool: target.name }
    case 'prompt':
      return { target: target.name }
    case 'resource':
      return { target: target.uri }
    case 'subscription':
      return target.uris.length === 0 ? {} : { target: target.uris.join(' ') }
    case 'method':
      return {}
  }
}

/** The same for every call of a connection. */
const membersOfIdentities = new WeakMap<Identity, string>()

function identityMembers(caller: Identity | undefined): string {
  if (!caller) return '"identity":null,"subject":null,"serial":null,"fingerprint256":null'
  let members = membersOfIdentities.get(caller)
  if (members === undefined) {
    const { subject, serial, fingerprint256 } = caller
    // An identity is not cut as other texts are: two of them must not look like one. SPIFFE-ID section 2.3 has this limit.
    members = `"identity":${json(shortened(ownerOf(caller), 2048))},"subject":${text(subject)},"serial":${text(serial)},"fingerprint256":${text(fingerprint256)}`
    membersOfIdentities.set(caller, members)
  }
  return members
}

/** W3C Trace Context, section 3.2: no version `ff`, no trace of zeros. */
const traceContext = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-|$)/

function traceId(traceparent: string | undefined): string | undefined {
  if (traceparent === undefined || !traceContext.test(traceparent)) return undefined
  return traceparent.slice(3, 35)
}

/** A bare hash of `{"pin":"1234"}` is guessed at once, so it is keyed: equal arguments are seen to be equal, and no more. */
function argumentsHmac(value: unknown, hmac: ArgumentsInLines['hmac']): string | undefined {
  const canonical = value === undefined ? undefined : canonicalJson(value)
  return canonical === undefined ? undefined : hmac(canonical)
}
