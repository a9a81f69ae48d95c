import type { IncomingMessage, ServerResponse } from 'node:http'
import { abortedWith, webRequest } from './exchange.js'

/** A `Request` that is made when somebody looks at it: few tools do. */
export class LazyRequest {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #made: Request | undefined

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
  }

  static {
    Object.setPrototypeOf(LazyRequest.prototype, Request.prototype)
    // Where Node keeps what a request holds under symbols, one can be made of this one.
    const kept = Object.getOwnPropertySymbols(new Request('http://localhost'))
    for (const field of [...Reflect.ownKeys(Request.prototype), ...kept])
      if (field !== 'constructor' && field !== Symbol.toStringTag)
        Object.defineProperty(LazyRequest.prototype, field, {
          get(this: LazyRequest) {
            const made = this.#real()
            const value: unknown = Reflect.get(made, field)
            return typeof value === 'function' ? value.bind(made) : value
          },
          enumerable: true,
          configurable: true,
        })
  }

  #real(): Request {
    this.#made ??= webRequest(this.#request, abortedWith(this.#response))
    return this.#made
  }
}
