import type { JSONRPCErrorResponse } from '@modelcontextprotocol/server'

/** One code each, in the range of servers, that neither the SDK nor any revision of MCP uses. */
const codes = { NOT_AUTHORIZED: -32_011, RATE_LIMITED: -32_012, AUDIT_FAILED: -32_013 } as const

/** The same words whether the thing exists or not, and no names of rules. */
const words = {
  NOT_AUTHORIZED: 'not authorized',
  RATE_LIMITED: 'too many calls',
  AUDIT_FAILED: 'the call cannot be recorded, and is not run',
} as const

/** Why a call is not run. */
export interface Denial {
  readonly code: keyof typeof codes
  /** Milliseconds: with `RATE_LIMITED`. */
  readonly retryAfterMs?: number
}

/** The error of a call that is not run; `requestId` finds its line in the record. */
export function denialError(
  { code, retryAfterMs }: Denial,
  requestId: string,
): JSONRPCErrorResponse['error'] {
  const data = {
    code,
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
    request_id: requestId,
  }
  return { code: codes[code], message: words[code], data }
}
