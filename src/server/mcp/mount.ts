import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  classifyInboundRequest,
  DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
} from '@modelcontextprotocol/server'
import { type Call, type CallOrigin, callIn, classify } from '../../auth/call.js'
import type { Standing } from '../../tls/peer/standing.js'
import type { Authorizer } from '../authorization/authorizer.js'
import { callerIn } from '../identity-of.js'
import { answerRefusal, jsonRpcError } from '../refuse.js'
import type { Dispatch } from './dispatch.js'
import { exchangeOf, type Inbound } from './exchange.js'
import { type BodyLimits, BodyRefused, type JsonBody, readJsonBody } from './json-body.js'
import { type PlainRequest, plainRequest } from './plain-request.js'
import { type SlowReaders, writeAnswer } from './write.js'

export interface MountOptions extends BodyLimits {
  /** Name of the server. */
  readonly name: string
  /** How long a client may read nothing of its answer; milliseconds. */
  readonly idleTimeout: number
  readonly onError: (error: Error) => void
  /** Decides about calls, and records them; undefined: every verified peer may call everything. */
  readonly authorizer?: Authorizer | undefined
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
    try {
      const read = request.method === 'POST' ? await readJsonBody(request, this.#options) : undefined
      const body = read?.value
      const { authorizer } = this.#options
      if (!authorizer && this.#dispatch.answersAtOnce?.(request, response, sender.authInfo, body)) return
      const inbound = this.#classify(request, response, sender, read)
      await (authorizer ? this.#authorized(inbound, authorizer) : this.#write(inbound, this.#answer(inbound)))
    } catch (error) {
      if (response.destroyed) return
      if (error instanceof BodyRefused)
        return answerRefusal(response, error.status, jsonRpcError(error.code, error.message))
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
      answerRefusal(response, 500, jsonRpcError(-32603, 'Internal error'))
    }
  }

  /** Answers what may be answered, and has the authorizer know of each call that goes no further. */
  async #authorized(asked: Inbound, authorizer: Authorizer): Promise<void> {
    const inbound = await authorizer.admit(asked)
    if (inbound instanceof Response) return this.#write(asked, inbound)
    const { request, response, authInfo, body, calls, plain } = inbound
    // Its client has gone, or a new policy has ended it in just this moment.
    if (response.destroyed) return authorizer.refused(calls, 'aborted')
    const [call] = calls
    const known = plain && call && { plain, call }
    if (known && this.#dispatch.answersAtOnce?.(request, response, authInfo, body, known)) return
    let isRefused = true
    try {
      const answer = await this.#answer(inbound)
      isRefused = answer.status >= 400
      await this.#write(inbound, answer)
    } finally {
      if (isRefused) authorizer.refused(calls)
    }
  }

  #answer(inbound: Inbound): Promise<Response> {
    return this.#dispatch.answer(exchangeOf(inbound))
  }

  async #write(inbound: Inbound, answer: Response | Promise<Response>): Promise<void> {
    const { response, authInfo } = inbound
    await writeAnswer(response, await answer, {
      isOpenEnded: isOpenEnded(inbound),
      idleTimeout: this.#options.idleTimeout,
      onSlow: () => this.#slow.add(authInfo?.clientId ?? '', response),
    })
  }

  /** Throws `BodyRefused` for a batch that its revision does not allow. */
  #classify(
    request: IncomingMessage,
    response: ServerResponse,
    { authInfo, standing }: Sender,
    read: JsonBody | undefined,
  ): Inbound {
    const { headers, method = 'GET' } = request
    const body = read?.value
    const originOf = (protocolVersion: string): CallOrigin => ({
      caller: callerIn(authInfo),
      address: request.socket.remoteAddress,
      server: this.#options.name,
      protocolVersion,
    })
    const inboundOf = (calls: readonly Call[], isLegacy: boolean, plain?: PlainRequest): Inbound => ({
      request,
      response,
      authInfo,
      standing,
      body,
      bytesIn: read?.bytes ?? 0,
      calls,
      isLegacy,
      plain,
    })
    const isInSession = headers['mcp-session-id'] !== undefined
    const plain = method === 'POST' && !isInSession ? plainRequest(headers, body) : undefined
    // The SDK would come to the same, at ten times the cost.
    if (plain) return inboundOf(callIn(body, originOf(plain.protocolVersion)), plain.era === 'legacy', plain)
    const revision = textOf(headers['mcp-protocol-version'])
    const inbound = classifyInboundRequest({
      httpMethod: method,
      ...optional('protocolVersionHeader', revision),
      ...optional('mcpMethodHeader', textOf(headers['mcp-method'])),
      ...optional('mcpNameHeader', textOf(headers['mcp-name'])),
      ...(body !== undefined && { body }),
    })
    const protocolVersion =
      (inbound.kind === 'modern' ? inbound.classification.revision : undefined) ??
      this.#dispatch.versionOf(textOf(headers['mcp-session-id']), authInfo?.clientId) ??
      revision ??
      DEFAULT_NEGOTIATED_PROTOCOL_VERSION
    const { calls, problem } = classify(body, originOf(protocolVersion))
    const isLegacy = inbound.kind === 'legacy'
    if (isLegacy && problem !== undefined) throw new BodyRefused(400, -32600, `Invalid Request: ${problem}`)
    return inboundOf(calls, isLegacy)
  }
}

/** Whether the server may send as long as it likes: the stream of a session, or of one that listens for changes. */
function isOpenEnded({ request, calls }: Inbound): boolean {
  return request.method === 'GET' || calls.some(({ method }) => method === 'subscriptions/listen')
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

function optional<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: string })
}
