import type {
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
  Transport,
} from '@modelcontextprotocol/server'
import { Backoff } from './backoff.js'
import { type Asked, type Asker, End, type EndOptions, type GiveUp } from './end.js'
import { asFault, Fault, faultAnswer, isLostSession } from './fault.js'
import { mayRunOn } from './strays.js'

export interface LineOptions extends Pick<EndOptions, 'name' | 'maxInFlight' | 'onError'> {
  /** Makes a transport to the far end, not started. Rejects when there is no way to it. */
  readonly dial: () => Promise<Transport>
  /** What has to be said before anything else is: after each `dial`. Rejects when the far end cannot be used. */
  readonly greet: (far: End) => Promise<void>
  /** Time for both; milliseconds. */
  readonly startTimeout: number
  /** Shared by lines that fail together: failures to come up count there too. */
  readonly shared?: Backoff
  /** How long to wait between tries to open it; for tests, by their own clock. */
  readonly backoff?: Backoff
  /** While it fails again and again, whoever asks is told why it failed last. */
  readonly tellsWhy?: boolean
  readonly onRequest: (asked: Asked) => void
  readonly onNotification: (notification: JSONRPCNotification) => void
  /** The far end has gone, or did not come. Returns whether somebody needs it again. */
  readonly onLost: (fault: Fault, wasUp: boolean) => boolean
  readonly onOpen?: () => void
}

/** Who wants to know what becomes of a request. */
interface Passing {
  readonly onAnswer?: (answer: JSONRPCResponse) => void
  /** Whoever asked does not want the answer any more, and the far end may work on. Returns what hears of its late answer. */
  readonly onGivenUp?: () => () => void
}

/** So long a request waits for a far end that is to be started again; milliseconds. */
const patience = 2000

/** A request that waits for the far end. */
interface Waiting {
  readonly send: (far: End) => void
  readonly fail: (fault: Fault) => void
}

/**
 * The way to the far end, made when it is needed, and made again when the far end is lost: at once, and with growing delays
 * when it is lost again. What it was asked and did not answer gets an error; nothing is sent twice.
 */
export class Line {
  readonly #options: LineOptions
  readonly #backoff: Backoff
  readonly #waiting = new Set<Waiting>()
  #far: End | undefined
  #opening: { far?: End } | undefined
  #timer: NodeJS.Timeout | undefined
  /** Why it could not be opened the last time. */
  #why: Fault | undefined
  #isClosed = false

  constructor(options: LineOptions) {
    this.#options = options
    this.#backoff = options.backoff ?? new Backoff()
  }

  /** Since when the far end is lost again and again. */
  get failingSince(): Date | undefined {
    return this.#backoff.failingSince
  }

  get isOpen(): boolean {
    return this.#far !== undefined
  }

  /** Requests without an answer, those that wait to be sent among them. */
  get inFlight(): number {
    return (this.#far?.inFlight ?? 0) + this.#waiting.size
  }

  /** Resolves once the far end is there. Rejects with a `Fault`. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => this.#whenOpen({ send: () => resolve(), fail: reject }))
  }

  /**
   * Has the far end answer a request; opens the line for it if need be. A far end that does not know its session is as good as lost:
   * what it has not run for that reason is sent once more, to the next one.
   */
  ask(request: JSONRPCRequest, asker: Asker, relatedTo?: RequestId): GiveUp {
    let giveUp: GiveUp | undefined
    let isAgain = false
    const waiting: Waiting = {
      send: (far) => {
        const answered = (answer: JSONRPCResponse) => {
          if (isAgain || !isLostSession(answer)) return asker.answered(answer)
          isAgain = true
          this.#forsake(far)
          this.#whenOpen(waiting)
        }
        giveUp = far.ask(request, { answered, told: (notification) => asker.told?.(notification) }, relatedTo)
      },
      fail: (fault) => asker.answered(faultAnswer(request.id, fault)),
    }
    this.#whenOpen(waiting)
    return (reason) => (this.#waiting.delete(waiting) ? undefined : giveUp?.(reason))
  }

  /** Has the far end answer a request of another one. */
  pass(asked: Asked, request: JSONRPCRequest, { onAnswer, onGivenUp }: Passing = {}): void {
    const giveUp = this.ask(request, {
      answered: (answer) => {
        onAnswer?.(answer)
        asked.answer(answer)
      },
      told: (notification) => asked.tell(notification),
    })
    asked.onGivenUp = (reason) => {
      const onLate = giveUp(reason)
      if (onLate && onGivenUp && mayRunOn(request.method)) onLate(onGivenUp())
    }
  }

  /** Says something to the far end, if it is there or on its way: a later one does not know what it is about. */
  tell(notification: JSONRPCNotification): void {
    if (this.#far) this.#far.tell(notification)
    else if (this.#opening) this.#whenOpen({ send: (far) => far.tell(notification), fail: () => {} })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    const far = this.#far ?? this.#opening?.far
    this.#far = undefined
    this.#opening = undefined
    this.#failWaiting(new Fault(`${this.#options.name} was closed; nothing was sent`, 'no'))
    await far?.close()
  }

  #whenOpen(waiting: Waiting): void {
    const { name, maxInFlight } = this.#options
    if (this.#isClosed) return waiting.fail(new Fault(`${name} was closed; nothing was sent`, 'no'))
    if (this.#far) return waiting.send(this.#far)
    if (this.#waiting.size >= maxInFlight)
      return waiting.fail(
        new Fault(`${maxInFlight} requests wait for ${name}: no more at once`, 'no', 'RATE_LIMITED'),
      )
    const wait = this.wait
    if (wait > patience) {
      const why = this.#options.tellsWhy ? this.#why : undefined
      const seconds = Math.ceil(wait / 1000)
      const words = why
        ? `${why.message} (tried again in ${seconds} s)`
        : `${name} fails again and again; next start in ${seconds} s. Nothing was sent`
      return waiting.fail(new Fault(words, 'no', why?.code))
    }
    this.#waiting.add(waiting)
    this.#openSoon()
  }

  /** Milliseconds until it may be opened. */
  get wait(): number {
    return Math.max(this.#backoff.wait, this.#options.shared?.wait ?? 0)
  }

  #openSoon(): void {
    if (this.#isClosed || this.#far || this.#opening || this.#timer) return
    const wait = this.wait
    if (wait === 0) return void this.#open()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#open()
    }, wait)
  }

  async #open(): Promise<void> {
    const { name, maxInFlight, onError, onRequest, onNotification, startTimeout } = this.#options
    const opening: { far?: End } = {}
    this.#opening = opening
    this.#backoff.started()
    this.#options.shared?.started()
    let timer: NodeJS.Timeout | undefined
    let failed: (fault: Fault) => void = () => {}
    const lost = new Promise<never>((_resolve, reject) => {
      failed = reject
    })
    const start = async () => {
      const transport = await this.#options.dial()
      const far = await End.open(transport, {
        name,
        maxInFlight,
        onRequest,
        onNotification,
        onClose: () => {
          if (this.#far !== undefined && this.#far === opening.far) this.#lost()
          else failed(new Fault(`${name} ended before it was ready`, 'no'))
        },
        ...(onError && { onError }),
      })
      opening.far = far
      if (this.#opening !== opening) return void far.close() // closed, or too late
      await this.#options.greet(far)
    }
    try {
      await Promise.race([
        start(),
        lost,
        new Promise<never>((_resolve, reject) => {
          timer = setTimeout(
            () =>
              reject(
                new Fault(
                  `${name} was not ready within ${startTimeout / 1000} s`,
                  'no',
                  'CONNECTION_TIMEOUT',
                ),
              ),
            startTimeout,
          )
        }),
      ])
    } catch (error) {
      if (this.#opening !== opening) return
      this.#opening = undefined
      const fault = asFault(error, 'no')
      this.#why = fault
      if (!fault.isOfClient) {
        this.#backoff.failed()
        this.#options.shared?.failed()
      }
      void opening.far?.close()
      const isNeeded = this.#options.onLost(fault, false)
      this.#failWaiting(fault)
      if (isNeeded) this.#openSoon()
      return
    } finally {
      clearTimeout(timer)
    }
    const { far } = opening
    if (this.#opening !== opening || !far) return
    this.#opening = undefined
    this.#options.shared?.succeeded()
    if (far.isClosed) return this.#lost() // between its last word and this one
    this.#far = far
    this.#options.onOpen?.()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { send } of waiting) send(far)
  }

  /** The next one does not wait for this one to close. */
  #forsake(far: End): void {
    if (this.#far !== far) return
    this.#lost()
    queueMicrotask(() => void far.close()) // it may have more to say of other requests
  }

  #lost(): void {
    this.#far = undefined
    this.#backoff.failed()
    if (this.#options.onLost(new Fault(`${this.#options.name} has gone`, 'maybe'), true)) this.#openSoon()
  }

  #failWaiting(fault: Fault): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { fail } of waiting) fail(fault)
  }
}
