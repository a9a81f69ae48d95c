import type { IncomingMessage } from 'node:http'
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server'
import { type Identity, ownerOf } from '../auth/identity.js'
import { isOptions, requireCall } from '../config/index.js'
import { BoundedMap } from '../tls/bounded-map.js'
import type { JudgedRequest } from '../tls/gate.js'
import type { CertificateFacts } from '../x509/certificate.js'

/** The caller as a tool handler sees it: the identity and how it was connected. */
export interface Caller extends Identity {
  readonly tls: {
    readonly version: string
    readonly cipher: string
    readonly keyExchange: string | undefined
    readonly resumed: boolean
  }
  /** Name of the rule that let this call in; undefined without a policy, for what every peer may ask, and where rules are tried out. */
  readonly rule?: string | undefined
}

/** Where the caller stands in `AuthInfo.extra`. */
export const callerKey = 'mcp-mtls/caller'

/** The callers that this process has verified: what anybody else puts in their place is none. */
const verified = new WeakSet<object>()

interface Known {
  readonly identity: Identity
  readonly authInfo: AuthInfo
}

/** The leaf that each was read from. */
const leaves = new WeakMap<Caller, CertificateFacts>()

/** The leaf of a caller that this process has verified. */
export function leafOf(caller: Identity): CertificateFacts | undefined {
  return leaves.get(caller as Caller)
}

/** By connection. */
const known = new WeakMap<object, Known>()

/** The latest of each identity: most of its connections are alike. */
const latest = new WeakMap<Identity, AuthInfo>()

/**
 * The caller in the SDK's own place for one. There is no token: the certificate's fingerprint stands for it (RFC 8705).
 * Made once for a connection, and again when its verdict is another; connections that are alike share it.
 */
export function authInfoOf({ identity, connection }: JudgedRequest, socket: object): AuthInfo {
  const before = known.get(socket)
  if (before?.identity === identity) return before.authInfo
  const {
    tlsVersion: version = 'unknown',
    cipherSuite: cipher = 'unknown',
    keyExchange,
    resumed,
  } = connection
  const made = latest.get(identity)
  const tls = callerIn(made)?.tls
  const isAlike =
    tls?.version === version &&
    tls.cipher === cipher &&
    tls.keyExchange === keyExchange &&
    tls.resumed === resumed
  const authInfo =
    made && isAlike ? made : authInfoFor({ ...identity, tls: { version, cipher, keyExchange, resumed } })
  const caller = callerIn(authInfo)
  if (caller && connection.peerCertificate) leaves.set(caller, connection.peerCertificate)
  latest.set(identity, authInfo)
  known.set(socket, { identity, authInfo })
  return authInfo
}

/** A caller that was verified, as the SDK hands it on. */
export function authInfoFor(caller: Caller): AuthInfo {
  verified.add(caller)
  Object.freeze(caller.tls)
  return Object.freeze({
    token: caller.fingerprint256,
    clientId: ownerOf(caller),
    scopes: Object.freeze([]) as unknown as string[],
    expiresAt: Math.floor(caller.notAfter.getTime() / 1000),
    extra: Object.freeze({ [callerKey]: Object.freeze(caller) }),
  })
}

/** By rule, for each caller. */
const underRules = new WeakMap<AuthInfo, BoundedMap<string, AuthInfo>>()
const rulesAtMost = 1000

/** The same caller, let in by this rule. */
export function authInfoUnder(authInfo: AuthInfo, rule: string): AuthInfo {
  const caller = callerIn(authInfo)
  if (!caller) return authInfo
  const known = underRules.get(authInfo) ?? new BoundedMap(rulesAtMost)
  underRules.set(authInfo, known)
  const before = known.get(rule)
  if (before) return before
  const under = { ...caller, rule }
  const leaf = leafOf(caller)
  if (leaf) leaves.set(under, leaf)
  const made = authInfoFor(under)
  known.set(rule, made)
  return made
}

/** What knows a caller: the context of a tool of the MCP SDK 2, the `extra` of one of SDK 1, or Node's request. */
export type CallContext =
  | Pick<ServerContext, 'http'>
  | { readonly authInfo?: { readonly extra?: Record<string, unknown> | undefined } | undefined }
  | Pick<IncomingMessage, 'socket'>

/**
 * Who calls, from the verified client certificate; undefined when the server runs without TLS. Takes the context that the
 * SDK hands to a tool (its second argument), or a request of Node: `req` in Express, `req.raw` in Fastify,
 * `c.env.incoming` in Hono. Nothing that a client sends changes the answer.
 */
export function identityOf(context: CallContext): Caller | undefined {
  requireCall(
    isOptions(context),
    'identityOf(context), with the context that the SDK hands to a tool, or identityOf(request), with the request of Node',
  )
  if ('socket' in context) return callerIn(known.get(context.socket)?.authInfo)
  return callerIn(
    'authInfo' in context ? context.authInfo : (context as Pick<ServerContext, 'http'>).http?.authInfo,
  )
}

/** The caller in there, if it is one that the gate has verified. */
export function callerIn(
  authInfo: { readonly extra?: Record<string, unknown> | undefined } | undefined,
): Caller | undefined {
  const caller = authInfo?.extra?.[callerKey]
  return typeof caller === 'object' && caller !== null && verified.has(caller)
    ? (caller as Caller)
    : undefined
}
