import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'
import type { Exchange } from './exchange.js'
import type { PlainRequest } from './plain-request.js'
import type { SessionEnd } from './session.js'

/** A request of the usual form, and its call as it was classified. */
export interface KnownRequest {
  readonly plain: PlainRequest
  readonly call: Call
}

/** What answers the messages of MCP: servers of the SDK in this process, or a server behind it. */
export interface Dispatch {
  /** Answers a request of the usual form at once, or says that it has to go the usual way. */
  answersAtOnce?(
    request: IncomingMessage,
    response: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: unknown,
    /** Where this is known already. */
    known?: KnownRequest,
  ): boolean
  /** The revision that a session speaks; undefined for one that this caller does not have. */
  versionOf(session: string | undefined, owner: string | undefined): string | undefined
  answer(exchange: Exchange): Promise<Response>
  /** Undefined where there are none. */
  readonly sessions:
    | { readonly open: number; readonly ended: Readonly<Record<SessionEnd, number>> }
    | undefined
  /** Begins to stop: streams that wait for news end, calls that run get their answer. */
  drain(): void
  /** Ends what is still open. Resolves when all has ended. */
  close(): Promise<void>
  /** Nothing has time to end by itself any more, before `close` or in it. */
  endAtOnce?(): void
}

/** Tells clients that something has changed: those that listen (2026-07-28), and those with a session. */
export interface Notify {
  toolsChanged(): void
  promptsChanged(): void
  resourcesChanged(): void
  /** To those that have subscribed to this URI. */
  resourceUpdated(uri: string): void
}
