import type {
  JSONRPCMessage,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
  Transport,
} from '@modelcontextprotocol/server'
import { metaOf } from '../relay/end.js'
import { metaKeys } from '../relay/meta-keys.js'
import { ParamHeaders } from './param-headers.js'

/** What goes with a request, beside the headers of all. */
export type HeadersOf = (request: JSONRPCRequest) => Readonly<Record<string, string>>

/** What a server says of headers that do not fit the body (2026-07-28). */
const headerMismatch = -32_020
/** Of a list of tools. */
const pagesAtMost = 100

/**
 * A server of 2026-07-28, with the headers that repeat arguments where its tools want them. Where it refuses a call for want of them, it
 * is asked for its tools, and the call, which has not run, is made once more.
 */
export class RepeatedArguments implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #far: Transport
  readonly #headers = new ParamHeaders()
  /** Calls and lists of tools that have no answer yet. */
  readonly #open = new Map<RequestId, { readonly request: JSONRPCRequest; isAgain: boolean }>()
  readonly #own = new Map<RequestId, (answer: JSONRPCResponse) => void>()
  #listing: Promise<void> | undefined
  #lastList = 0

  constructor(dial: (headersOf: HeadersOf) => Transport) {
    this.#far = dial((request) => this.#headersOf(request))
  }

  start(): Promise<void> {
    this.#far.onmessage = (message) => this.#received(message)
    this.#far.onclose = () => this.onclose?.()
    this.#far.onerror = (error) => this.onerror?.(error)
    return this.#far.start()
  }

  send(message: JSONRPCMessage): Promise<void> {
    if ('method' in message) {
      const { method, params } = message
      if ('id' in message && /^tools\/(?:call|list)$/.test(method))
        this.#open.set(message.id, { request: message as JSONRPCRequest, isAgain: false })
      if (method === 'notifications/cancelled') this.#open.delete(params?.requestId as RequestId)
    }
    return this.#far.send(message)
  }

  close(): Promise<void> {
    this.#open.clear()
    return this.#far.close()
  }

  #headersOf({ method, params }: JSONRPCRequest) {
    return method === 'tools/call' ? this.#headers.of(params ?? {}) : {}
  }

  #received(message: JSONRPCMessage): void {
    if ('method' in message || message.id === undefined) return this.onmessage?.(message)
    const own = this.#own.get(message.id)
    if (own) return own(message)
    const open = this.#open.get(message.id)
    if (open?.request.method === 'tools/list' && 'result' in message) this.#headers.note(message.result)
    const isRefused = 'error' in message && message.error.code === headerMismatch
    if (open?.request.method === 'tools/call' && isRefused && !open.isAgain) {
      open.isAgain = true
      return void this.#again(open.request, message)
    }
    this.#open.delete(message.id)
    this.onmessage?.(message)
  }

  async #again(request: JSONRPCRequest, refusal: JSONRPCResponse): Promise<void> {
    const before = JSON.stringify(this.#headersOf(request))
    this.#listing ??= this.#list(request).finally(() => {
      this.#listing = undefined
    })
    await this.#listing
    if (!this.#open.has(request.id)) return // given up
    if (JSON.stringify(this.#headersOf(request)) !== before) return this.#far.send(request)
    this.#open.delete(request.id)
    this.onmessage?.(refusal)
  }

  /** All pages, on behalf of a client that makes a call. */
  async #list({ params }: JSONRPCRequest): Promise<void> {
    const { protocolVersion, clientInfo, clientCapabilities } = metaKeys
    const known = metaOf(params) ?? {}
    const _meta = Object.fromEntries(
      [protocolVersion, clientInfo, clientCapabilities].map((key) => [key, known[key]]),
    )
    let cursor: unknown
    for (let page = 0; page < pagesAtMost; page++) {
      const answer = await this.#ask({ _meta, ...(cursor !== undefined && { cursor }) })
      if (!('result' in answer)) return
      this.#headers.note(answer.result)
      cursor = answer.result.nextCursor
      if (cursor === undefined) return
    }
  }

  #ask(params: Record<string, unknown>): Promise<JSONRPCResponse> {
    const id = `tools-${++this.#lastList}`
    return new Promise((resolve) => {
      this.#own.set(id, (answer) => {
        this.#own.delete(id)
        resolve(answer)
      })
      void this.#far.send({ jsonrpc: '2.0', id, method: 'tools/list', params })
    })
  }
}
