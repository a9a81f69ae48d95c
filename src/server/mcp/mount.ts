import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  classifyInboundRequest,
  DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
} from '@modelcontextprotocol/server'
import { classify } from '../../auth/call.js'
import type { Standing } from '../../tls/peer/standing.js'
import { callerIn } from '../identity-of.js'
import { answerRefusal, jsonRpcError } from '../refuse.js'
import type { Dispatch } from './dispatch.js'
import { type Exchange, webRequest } from './exchange.js'
import { type BodyLimits, BodyRefused, readJsonBody } from './json-body.js'
import { type SlowReaders, writeAnswer } from './write.js'

export interface MountOptions extends BodyLimits {
  /** Name of the server. */
  readonly name: string
  /** How long a client may read nothing of its answer; milliseconds. */
  readonly idleTimeout: number
  readonly onError: (error: Error) => void
}

/** Who sends a request, as the gate has judged it. */
export interface Sender {
  readonly authInfo: AuthInfo | undefined
  readonly standing: Standing | undefined
}

/**
 * MCP at `/mcp`, in every revision: a request is read and parsed once, its calls are classified once, and it goes to what
 * answers it.
 */
export class Mount {
  readonly #dispatch: Dispatch
  readonly #options: MountOptions
  readonly #slow: SlowReaders

  constructor(dispatch: Dispatch, options: MountOptions, slow: SlowReaders) {
    this.#dispatch = dispatch
    this.#options = options
    this.#slow = slow
  }

  /** Answers every request, even after an error. */
  async handle(request: IncomingMessage, response: ServerResponse, sender: Sender): Promise<void> {
    let gone: AbortController | undefined
    try {
      const body = request.method === 'POST' ? await readJsonBody(request, this.#options) : undefined
      if (this.#dispatch.answersAtOnce?.(request, response, sender.authInfo, body)) return
      gone = abortedWith(response)
      const exchange = this.#classify(request, response, sender, body, gone.signal)
      await writeAnswer(response, await this.#dispatch.answer(exchange), {
        isOpenEnded: isOpenEnded(exchange),
        idleTimeout: this.#options.idleTimeout,
        onSlow: () => this.#slow.add(sender.authInfo?.clientId ?? '', response),
      })
    } catch (error) {
      if (gone?.signal.aborted || response.destroyed) return
      if (error instanceof BodyRefused)
        return answerRefusal(response, error.status, jsonRpcError(error.code, error.message))
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
      answerRefusal(response, 500, jsonRpcError(-32603, 'Internal error'))
    }
  }

  /** Throws `BodyRefused` for a batch that its revision does not allow. */
  #classify(
    request: IncomingMessage,
    response: ServerResponse,
    sender: Sender,
    body: unknown,
    signal: AbortSignal,
  ): Exchange {
    const { headers, method = 'GET' } = request
    const revision = textOf(headers['mcp-protocol-version'])
    const inbound = classifyInboundRequest({
      httpMethod: method,
      ...optional('protocolVersionHeader', revision),
      ...optional('mcpMethodHeader', textOf(headers['mcp-method'])),
      ...optional('mcpNameHeader', textOf(headers['mcp-name'])),
      ...(body !== undefined && { body }),
    })
    const { calls, problem } = classify(body, {
      caller: callerIn(sender.authInfo),
      server: this.#options.name,
      protocolVersion:
        (inbound.kind === 'modern' ? inbound.classification.revision : undefined) ??
        this.#dispatch.versionOf(textOf(headers['mcp-session-id']), sender.authInfo?.clientId) ??
        revision ??
        DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
    })
    const isLegacy = inbound.kind === 'legacy'
    if (isLegacy && problem !== undefined) throw new BodyRefused(400, -32600, `Invalid Request: ${problem}`)
    return { request, response, ...sender, body, calls, isLegacy, web: webRequest(request, signal) }
  }
}

/** Aborted when the client goes away. */
function abortedWith(response: ServerResponse): AbortController {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone
}

/** Whether the server may send as long as it likes: the stream of a session, or of one that listens for changes. */
function isOpenEnded({ request, calls }: Exchange): boolean {
  return request.method === 'GET' || calls.some(({ method }) => method === 'subscriptions/listen')
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

function optional<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: string })
}
