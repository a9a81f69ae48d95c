import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server'
import type { Identity } from '../auth/identity.js'
import { isOptions, requireCall } from '../config/index.js'
import type { JudgedRequest } from '../tls/gate.js'

/** The caller as a tool handler sees it: the identity and how it was connected. */
export interface Caller extends Identity {
  readonly tls: {
    readonly version: string
    readonly cipher: string
    readonly keyExchange: string | undefined
    readonly resumed: boolean
  }
}

/** Where the caller stands in `AuthInfo.extra`. */
export const callerKey = 'mcp-mtls/caller'

/** The caller in the SDK's own place for one. There is no token: the certificate's fingerprint stands for it (RFC 8705). */
export function authInfoOf({ identity, connection }: JudgedRequest): AuthInfo {
  const { tlsVersion = 'unknown', cipherSuite = 'unknown', keyExchange, resumed } = connection
  const caller: Caller = {
    ...identity,
    tls: { version: tlsVersion, cipher: cipherSuite, keyExchange, resumed },
  }
  return {
    token: identity.fingerprint256,
    clientId: identity.id,
    scopes: [],
    expiresAt: Math.floor(identity.notAfter.getTime() / 1000),
    extra: { [callerKey]: caller },
  }
}

/** The caller that `authInfoOf` has put there. */
export function callerIn(authInfo: AuthInfo | undefined): Caller | undefined {
  return authInfo?.extra?.[callerKey] as Caller | undefined
}

/** Who calls this tool, from the verified client certificate; undefined when the server runs without TLS. */
export function identityOf(context: Pick<ServerContext, 'http'>): Caller | undefined {
  requireCall(isOptions(context), 'identityOf(context), with the context that the SDK hands to a tool')
  return callerIn(context.http?.authInfo)
}
