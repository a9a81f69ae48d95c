import type { ServerContext } from '@modelcontextprotocol/server'
import type { Identity } from '../auth/identity.js'
import { isOptions, requireCall } from '../config/index.js'

/** The caller as a tool handler sees it: the identity and how it was connected. */
export interface Caller extends Identity {
  readonly tls: {
    readonly version: string
    readonly cipher: string
    readonly keyExchange: string | undefined
    readonly resumed: boolean
  }
}

/** The key under which the adapter hands the caller to the SDK, in `AuthInfo.extra`. */
export const callerKey = 'mcp-mtls/caller'

/** Who calls this tool, from the verified client certificate; undefined when the server runs without TLS. */
export function identityOf(context: Pick<ServerContext, 'http'>): Caller | undefined {
  requireCall(isOptions(context), 'identityOf(context), with the context that the SDK hands to a tool')
  return context.http?.authInfo?.extra?.[callerKey] as Caller | undefined
}
