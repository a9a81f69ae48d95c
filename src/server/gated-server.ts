import { type IncomingMessage, Server, ServerResponse } from 'node:http'
import type { DropArgument, ListenOptions, Socket } from 'node:net'
import { type Place, packageVersion } from '../config/index.js'
import type { GatedSettings } from './gated-settings.js'
import { listenCall } from './listen-arguments.js'
import type { MtlsControls, MtlsServer } from './mtls-server.js'
import type { Health } from './ops/health.js'
import type { Run } from './run.js'
import { takeParser } from './take-parser.js'

/** From a call of `listen` until it listens. */
interface Start {
  isCancelled: boolean
}

/**
 * A server of Node that hands only judged requests to its listeners. All of them come through `emit`, whoever has added
 * or removed which listener: frameworks do both.
 */
export class GatedServer extends Server implements MtlsServer {
  readonly mtls: MtlsControls
  readonly #settings: GatedSettings
  readonly #parse: (socket: Socket) => void
  #start: Start | undefined
  #run: Run | undefined
  #closing: Promise<void> | undefined
  #mainClosed: (() => void) | undefined
  #binding: { readonly done: () => void; readonly failed: (error: Error) => void } | undefined

  constructor(settings: GatedSettings) {
    const { limits, mode, requestTimeout } = settings
    super({
      noDelay: true,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeout,
      requestTimeout,
      keepAliveTimeout: limits.idleTimeout,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeout),
    })
    this.#settings = settings
    this.maxConnections = limits.maxConnections
    this.#parse = takeParser(this)
    // Node closes a connection that asks for a tunnel without a word when nobody listens.
    if (mode !== 'plaintext') this.on('connect', destroyUnlessHeard)
    this.mtls = {
      connections: () => this.#run?.connections() ?? [],
      health: () => this.#run?.health() ?? healthAtRest(settings),
      reload: async () => (await this.#run?.reload()) ?? false,
      reopenLog: () => this.#run?.reopenLog(),
      close: (options) => this.#closed(options?.drainTimeout),
    }
  }

  /** What a server has while it listens; not seen by those whose server it is. */
  static runOf(server: GatedServer): Run | undefined {
    return server.#run
  }

  /** As `net.Server` has it, for ports. Whatever goes wrong, apart from a second call, is an event `error`. */
  override listen(...args: unknown[]): this {
    if (this.#start || this.#run) {
      const message = 'Listen method has been called more than once without closing.'
      throw Object.assign(new Error(message), { code: 'ERR_SERVER_ALREADY_LISTEN' })
    }
    const { callback, signal, problem, rest, ...place } = listenCall(args)
    if (callback) this.once('listening', callback)
    const start: Start = { isCancelled: false }
    this.#start = start
    if (signal) this.#closeAt(signal)
    const started = problem ? Promise.reject(problem) : this.#begin(start, place, rest)
    // Outside of the promise, where a listener that throws is no rejection that nobody handles.
    started.then(
      () => process.nextTick(() => this.#begun(start)),
      (error) => process.nextTick(() => this.#failed(start, error)),
    )
    return this
  }

  /** As `net.Server` has it, and it drains: `callback` and the event `close` come when everything has ended. */
  override close(callback?: (error?: Error) => void): this {
    const start = this.#start
    if (!start && !this.#run) return super.close(callback)
    const isClosing = this.#closing !== undefined || start?.isCancelled
    const error = isClosing
      ? Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' })
      : undefined
    if (callback) this.once('close', () => (error ? callback(error) : callback()))
    if (start) start.isCancelled = true
    else if (!isClosing) void this.#end(undefined)
    return this
  }

  override ref(): this {
    this.#run?.keepAlive(true)
    return super.ref()
  }

  override unref(): this {
    this.#run?.keepAlive(false)
    return super.unref()
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.mtls.close()
  }

  override emit(event: string, ...args: unknown[]): boolean {
    switch (event) {
      case 'request':
      case 'checkContinue':
      case 'checkExpectation':
        return this.#requested(event, args as [IncomingMessage, ServerResponse])
      case 'upgrade':
      case 'connect':
        if (this.#settings.mode === 'plaintext') break
        return this.#upgraded(event, args as [IncomingMessage, Socket, Buffer])
      case 'connection':
        super.emit(event, ...args)
        return this.#connected(args[0] as Socket)
      case 'drop':
        this.#run?.dropped(args[0] as DropArgument | undefined)
        break
      case 'listening':
        if (!this.#binding) break
        this.#binding.done()
        return true
      case 'error':
        if (!this.#binding) break
        this.#binding.failed(args[0] as Error)
        return true
      case 'close':
        if (!this.#mainClosed) break
        this.#mainClosed()
        return true
    }
    return super.emit(event, ...args)
  }

  async #begin(start: Start, place: Place, rest: ListenOptions): Promise<void> {
    const config = this.#settings.at(place)
    const { Run } = await import('./run.js')
    const run = await Run.load(config, this.#settings, {
      server: this,
      bind: (port, address) => this.#bind({ ...rest, port, host: address }),
      parse: (socket) => {
        this.#parse(socket)
        super.emit('secureConnection', socket)
      },
    })
    if (start.isCancelled) return run.abandon()
    this.#run = run
    try {
      await run.listen()
    } catch (error) {
      this.#run = undefined
      run.abandon()
      throw error
    }
  }

  #begun(start: Start): void {
    this.#start = undefined
    const run = this.#run
    if (!run) return void super.emit('close')
    if (start.isCancelled) return void this.#end(0)
    this.on('error', run.acceptFailed)
    run.begin()
    super.emit('listening')
  }

  #failed(start: Start, error: unknown): void {
    this.#start = undefined
    if (start.isCancelled) super.emit('close')
    else super.emit('error', error)
  }

  async #closed(drainTimeout: number | undefined): Promise<void> {
    if (this.#closing) {
      if (drainTimeout !== undefined) this.#run?.endWithin(drainTimeout)
      return this.#closing
    }
    if (this.#start) {
      this.#start.isCancelled = true
      await new Promise<void>((resolve) => this.once('close', resolve))
    } else if (this.#run) await this.#end(drainTimeout)
  }

  #end(drainTimeout: number | undefined): Promise<void> {
    const run = this.#run as Run
    const closeThis = () =>
      new Promise<void>((resolve) => {
        this.#mainClosed = resolve
        super.close()
      })
    this.#closing = run.end(closeThis, drainTimeout).then(
      () =>
        new Promise((resolve) =>
          process.nextTick(() => {
            this.#mainClosed = undefined
            this.#closing = undefined
            this.#run = undefined
            this.off('error', run.acceptFailed)
            resolve()
            super.emit('close')
          }),
        ),
    )
    return this.#closing
  }

  #closeAt(signal: AbortSignal): void {
    const stop = () => void this.close()
    if (signal.aborted) return process.nextTick(stop)
    signal.addEventListener('abort', stop, { once: true })
    this.once('close', () => signal.removeEventListener('abort', stop))
  }

  /** Binds this server alone, and tells of it to the caller alone. */
  async #bind(options: ListenOptions): Promise<void> {
    try {
      await new Promise<void>((done, failed) => {
        this.#binding = { done, failed }
        super.listen(options)
      })
    } finally {
      this.#binding = undefined
    }
  }

  #connected(socket: Socket): boolean {
    const run = this.#run
    if (!run) socket.destroy()
    else if (this.#settings.mode !== 'plaintext') run.greet(socket)
    else {
      run.connected(socket)
      this.#parse(socket)
    }
    return true
  }

  #requested(event: string, [request, response]: [IncomingMessage, ServerResponse]): boolean {
    if (this.#run) this.#run.requested(request, response, () => super.emit(event, request, response))
    else response.destroy() // nobody has judged it
    return true
  }

  /** Node has taken its parser off this connection: whoever is refused gets an answer all the same. */
  #upgraded(event: string, [request, socket, head]: [IncomingMessage, Socket, Buffer]): boolean {
    // While an earlier request waits for its answer, another answer would be taken for that one.
    const isBusy = (socket as { _httpMessage?: unknown })._httpMessage
    if (!this.#run || isBusy) {
      socket.destroy()
      return true
    }
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    const destroy = () => socket.destroy()
    const end = () => {
      socket.end()
      socket.resume()
      const timer = setTimeout(destroy, timeToRead)
      socket.once('close', () => clearTimeout(timer))
    }
    socket.once('error', destroy)
    response.once('finish', end)
    this.#run.upgraded(request, response, () => {
      response.detachSocket(socket)
      socket.off('error', destroy)
      super.emit(event, request, socket, head)
    })
    return true
  }
}

/** How long one whose upgrade was refused may take to read the reason; milliseconds. */
const timeToRead = 1000

/** Ends a tunnel that only this listener has heard of. */
function destroyUnlessHeard(this: Server, _request: IncomingMessage, socket: Socket): void {
  if (this.listenerCount('connect') === 1) socket.destroy()
}

function healthAtRest({ name, mode, protocolVersions }: GatedSettings): Health {
  return {
    status: 'draining',
    server: name,
    version: packageVersion,
    protocol_versions: protocolVersions(),
    mode,
    uptime_seconds: 0,
    connections: 0,
    certificates: [],
    last_reload: null,
    problems: [],
  }
}
