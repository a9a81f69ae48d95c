import { setMaxListeners } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { pipeline, Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, constants as zlib } from 'node:zlib'
import { type Dispatcher, Headers, Response } from 'undici'

/** A request with nothing but text in it: all that MCP sends. */
export interface TextRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Any of them ends it. */
  readonly signals: readonly AbortSignal[]
}

/** Gets a body piece by piece: what has come already at once. */
export interface Reader {
  data(chunk: Buffer): void
  end(): void
  failed(error: unknown): void
}

/** What `fetch` sends with each request, but for `deflate`, by which servers mean two things. */
const alwaysSent = {
  accept: '*/*',
  'accept-language': '*',
  'sec-fetch-mode': 'cors',
  'user-agent': 'undici',
  'accept-encoding': 'br, gzip',
}

/** As with `fetch`, a response that is forgotten before its body was read does not keep its connection. */
const forgotten = new FinalizationRegistry((body: WeakRef<ReadableStream>) => {
  const stream = body.deref()
  if (stream?.locked === false) stream.cancel('nobody reads it').catch(() => {})
})

/**
 * An answer below `fetch`: its head has come, its body is read as it comes. `fetch` makes a request, a response, headers,
 * streams and signals of every call: some 400 of the 500 µs that a call of the SDK's client costs.
 */
export class Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly #statusText: string
  readonly #controller: Dispatcher.DispatchController
  readonly #signals: readonly AbortSignal[]
  /** What came before there was a reader. */
  readonly #early: Buffer[] = []
  #reader: Reader | undefined
  #ended: { readonly error: unknown } | undefined

  constructor(
    controller: Dispatcher.DispatchController,
    signals: readonly AbortSignal[],
    head: { readonly status: number; readonly headers: IncomingHttpHeaders; readonly statusText: string },
  ) {
    this.#controller = controller
    this.#signals = signals
    this.status = head.status
    this.headers = head.headers
    this.#statusText = head.statusText
  }

  /** To be called soon. A reader may leave what is to come to another one. */
  read(reader: Reader): void {
    this.#reader = reader
    for (
      let chunk = this.#early.shift();
      chunk;
      chunk = this.#reader === reader ? this.#early.shift() : undefined
    )
      reader.data(chunk)
    if (this.#ended && this.#reader === reader) this.finish(this.#ended.error)
  }

  /** Ends the connection: nobody wants the rest. */
  abort(reason: Error): void {
    if (!this.#ended) this.#controller.abort(reason)
  }

  /** @internal What undici gives. */
  push(chunk: Buffer): void {
    if (this.#reader) this.#reader.data(chunk)
    else this.#early.push(chunk)
  }

  /** @internal Its end, or why there is none. */
  finish(error: unknown): void {
    this.#ended = { error }
    if (error === undefined) this.#reader?.end()
    else this.#reader?.failed(error)
  }

  /** The whole of it as a `Response`, its body decoded, for what knows no other; instead of `read`. */
  response(before: readonly Buffer[] = []): Response {
    const { status } = this
    const headers = new Headers()
    for (const [name, values = []] of Object.entries(this.headers))
      for (const value of [values].flat()) headers.append(name, value)
    const body = this.#wholeBody(before) ?? this.#streamOfBody(before)
    const hasBody = status !== 204 && status !== 205 && status !== 304
    const isKnown = status >= 200 && status < 600
    const response = new Response(hasBody ? body : null, {
      status: isKnown ? status : 500,
      statusText: this.#statusText.replace(/[^\t\x20-\x7e]/g, ''),
      headers,
    })
    if (!isKnown) Object.defineProperty(response, 'status', { value: status })
    if (response.body) forgotten.register(response, new WeakRef(response.body as ReadableStream))
    return response
  }

  /** The body that has come as a whole, with its head: most have, and need no stream. */
  #wholeBody(before: readonly Buffer[]): Buffer | undefined {
    const isWhole = this.#ended && this.#ended.error === undefined
    if (!isWhole || this.headers['content-encoding'] !== undefined) return undefined
    return Buffer.concat([...before, ...this.#early])
  }

  #streamOfBody(before: readonly Buffer[]): ReadableStream<Uint8Array> {
    const raw = new Readable({
      read: () => this.#controller.resume(),
      destroy: (error, done) => {
        this.abort(error ?? new Error('the body was not read to its end'))
        done(error)
      },
    })
    raw.on('error', () => {}) // whoever reads it hears of it
    for (const chunk of before) raw.push(chunk)
    this.read({
      data: (chunk) => void (raw.push(chunk) || this.#controller.pause()),
      end: () => void raw.push(null),
      failed: (error) => void raw.destroy(error as Error),
    })
    const aborted = () => this.#signals.find((signal) => signal.aborted)
    return streamOf(this.#decoded(raw), (error) =>
      aborted() ? aborted()?.reason : new TypeError('terminated', { cause: error }),
    )
  }

  /** Without the codings that we asked for, the last first; where there is another one, its body is left as it is. */
  #decoded(raw: Readable): Readable {
    const codings = [this.headers['content-encoding'] ?? []]
      .flat()
      .join(',')
      .toLowerCase()
      .split(/[ \t]*,[ \t]*/)
    if (codings.length > mostCodings)
      throw new TypeError('fetch failed', { cause: new Error(tooManyCodings) })
    const decoders = codings.map((coding) => decoderOf(coding)).reverse()
    if (!decoders.every((decoder) => decoder !== undefined)) return raw
    return decoders.reduce<Readable>((from, decoder) => pipeline(from, decoder, () => {}), raw)
  }
}

/** Not `Readable.toWeb`: on Node 20 that closes twice what was cancelled, and throws where nobody can catch it. */
function streamOf(readable: Readable, failed: (error: unknown) => unknown): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Buffer> = readable[Symbol.asyncIterator]()
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      try {
        const { done, value } = await chunks.next()
        if (!done) return controller.enqueue(new Uint8Array(value))
        controller.close()
        controller.byobRequest?.respond(0)
      } catch (error) {
        controller.error(failed(error))
      }
    },
    async cancel() {
      readable.destroy()
    },
  })
}

const tooManyCodings = 'the answer has too many content-encodings'
/** As many as `fetch` takes off. */
const mostCodings = 5

function decoderOf(coding: string): Transform | undefined {
  // A body that is cut short gives what it has, as with `fetch`.
  const gzip = { flush: zlib.Z_SYNC_FLUSH, finishFlush: zlib.Z_SYNC_FLUSH }
  const brotli = { flush: zlib.BROTLI_OPERATION_FLUSH, finishFlush: zlib.BROTLI_OPERATION_FLUSH }
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip(gzip)
  if (coding === 'deflate') return createInflate(gzip)
  return coding === 'br' ? createBrotliDecompress(brotli) : undefined
}

/** Sends it and gives the answer as soon as its head is there. `written` is called right before it is written. */
export function exchange(
  dispatcher: Dispatcher,
  target: URL,
  { method, headers, body, signals }: TextRequest,
  written: () => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let answer: Answer | undefined
    const aborted = () => signals.find((signal) => signal.aborted)
    const abort = () => {
      const reason = aborted()?.reason
      controller?.abort(reason)
      reject(reason)
    }
    if (aborted()) return abort()
    for (const signal of signals) {
      setMaxListeners(Number.POSITIVE_INFINITY, signal) // one for many requests is no leak; at 0 Node 20 breaks
      signal.addEventListener('abort', abort)
    }
    const finish = (error: unknown) => {
      for (const signal of signals) signal.removeEventListener('abort', abort)
      answer?.finish(error)
    }
    dispatcher.dispatch(
      {
        origin: target.origin,
        path: target.href.slice(target.origin.length).replace(/#.*$/, ''),
        method,
        headers: { ...alwaysSent, ...headers },
        body,
      },
      {
        onRequestStart: (started) => {
          controller = started
          const ended = aborted()
          if (ended) started.abort(ended.reason)
          else written()
        },
        onResponseStart: (started, status, received, statusText = '') => {
          if (status < 200) return // as 103: the answer is still to come
          answer = new Answer(started, signals, { status, headers: received, statusText })
          resolve(answer)
        },
        onResponseData: (_controller, chunk) => answer?.push(chunk),
        onResponseEnd: () => finish(undefined),
        onResponseError: (_controller, error) => {
          finish(aborted()?.reason ?? error)
          // What `fetch` says.
          reject(aborted()?.reason ?? new TypeError('fetch failed', { cause: error }))
        },
      },
    )
  })
}
