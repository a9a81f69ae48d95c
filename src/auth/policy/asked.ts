import { isIP } from 'node:net'
import type { CallTarget } from '../call.js'
import type { PolicyRequest } from './decide.js'
import { nameIn, nameOf, type Read } from './identity-entry.js'
import { methodsWithTarget } from './methods.js'
import { nobody, type PolicySubject } from './subject.js'

/** A call that somebody asks about: at most one of tool, resource and prompt. */
export interface AskedCall {
  readonly server: string
  readonly tool?: string | undefined
  readonly resource?: string | undefined
  readonly prompt?: string | undefined
  /** Alone; or beside a resource or a prompt, for completion and subscription. */
  readonly method?: string | undefined
  readonly arguments?: unknown
  readonly now: Date
  readonly address?: string | undefined
}

/** The request that such a call is, by this caller. */
export function requestOf(subject: PolicySubject, asked: AskedCall): Read<PolicyRequest> {
  const { server, address = '', now } = asked
  const read = addressIn(address)
  if (!('value' in read)) return read
  const targets = (['tool', 'resource', 'prompt'] as const).filter((kind) => asked[kind] !== undefined)
  const [kind, ...more] = targets
  if (more.length > 0)
    return { message: `${targets.join(' and ')} are two calls`, hint: 'Ask about one at a time.' }
  const usual = { tool: 'tools/call', resource: 'resources/read', prompt: 'prompts/get' } as const
  const method = asked.method ?? (kind && usual[kind])
  if (method === undefined)
    return { message: 'what is called is missing', hint: 'Name a tool, a resource, a prompt or a method.' }
  const target = targetOf(kind, asked, method)
  if (target === undefined)
    return { message: `${method} does not name a ${kind}`, hint: 'Leave the method out, or the other.' }
  return { value: { subject, server, method, target, arguments: asked.arguments, address, now } }
}

/** The address that a text says; an empty one is that nothing is known of it. */
export function addressIn(text: string): Read<string> {
  return text === '' || isIP(text) !== 0
    ? { value: text }
    : {
        message: `${JSON.stringify(text)} is not an IP address`,
        hint: 'Write it as 10.0.0.1 or fd00::1.',
      }
}

/** The time that a text says; its zone must be there: a case is to say the same on every machine. */
export function timeIn(text: string): Read<Date> {
  const date = new Date(text)
  return /^\d{4}-\d\d-\d\d(?:T.*(?:Z|[+-]\d\d:\d\d))?$/.test(text) && !Number.isNaN(date.getTime())
    ? { value: date }
    : { message: `${JSON.stringify(text)} is not a time`, hint: 'Write it as 2026-01-31T12:00:00Z.' }
}

function targetOf(
  kind: 'tool' | 'resource' | 'prompt' | undefined,
  { tool = '', resource = '', prompt = '' }: AskedCall,
  method: string,
): CallTarget | undefined {
  if (kind === undefined)
    return method === 'subscriptions/listen' ? { kind: 'subscription', uris: [] } : { kind: 'method' }
  const target: CallTarget =
    kind !== 'resource'
      ? { kind, name: kind === 'tool' ? tool : prompt }
      : method === 'subscriptions/listen'
        ? { kind: 'subscription', uris: [resource] }
        : { kind, uri: resource }
  const kinds = Object.hasOwn(methodsWithTarget, method) ? methodsWithTarget[method] : undefined
  return kinds?.includes(target.kind) ? target : undefined
}

/**
 * A verified caller with these names, written as in a policy, all of one certificate; `unverified` for one that is not. Trust domains
 * are bound where that is said, or where one of the names is that of a CA.
 */
export function subjectNamed(names: readonly string[], domainsBound = false): Read<PolicySubject> {
  if (names.length === 1 && names[0] === 'unverified') return { value: nobody }
  const known: string[] = []
  for (const name of names.filter((name) => name !== 'anyone')) {
    const read = nameIn(name)
    if (!('value' in read)) return read
    if (read.value.pattern !== undefined)
      return {
        message: `${JSON.stringify(name)} is a pattern, not a name`,
        hint: 'Write a name that a certificate has.',
      }
    known.push(nameOf(read.value))
  }
  const of = (kind: string) => known.find((name) => name.startsWith(`${kind}:`))?.slice(kind.length + 1) ?? ''
  const spiffeId = known.find((name) => name.startsWith('spiffe:')) ?? ''
  return {
    value: Object.freeze({
      id: spiffeId || known[0] || 'anyone',
      verified: true,
      names: Object.freeze([...new Set(known)]),
      domainsBound: domainsBound || known.some((name) => name.startsWith('ca:')),
      spiffeId,
      subjectAltNames: Object.freeze(known.filter((name) => /^(?:spiffe|dns|email):/.test(name))),
      subjectCn: of('cn'),
      issuer: of('issuer'),
      serial: of('serial'),
      fingerprint256: of('fingerprint').replace(/^sha256:/, ''),
    }),
  }
}
