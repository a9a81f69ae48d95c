import { errorCodes, MtlsError, type MtlsErrorCode } from '../../errors.js'

/** Problems that a step can find beside the codes of `MtlsError`, each with what to do about it. */
export const stepCodes = {
  NOT_RUN: 'Put the step named there right first.',
  NOT_MCP: 'Check the path of the URL (often /mcp), and that an MCP server over HTTP is behind it.',
  CLIENT_CERT_NOT_ASKED:
    'Anybody may connect to it. Let the server ask for client certificates and require them (nginx: `ssl_verify_client on;`, Node: `requestCert: true`).',
  NOT_REFUSED: 'The server lets in what it must refuse: correct its TLS settings.',
} as const satisfies Record<string, string>

export type StepCode = MtlsErrorCode | keyof typeof stepCodes

const hints: Readonly<Record<StepCode, string>> = { ...errorCodes, ...stepCodes }

/** A failure that only a step can find: its code is not one of `MtlsError`. */
export class StepFailure extends Error {
  constructor(
    readonly code: keyof typeof stepCodes,
    message: string,
    readonly hint: string = stepCodes[code],
  ) {
    super(message)
  }
}

/** One test and its result. */
export interface Step {
  readonly name: string
  readonly ok: boolean
  /** What was found, or what failed: which side, and why. */
  readonly detail: string
  /** Null when it passed. */
  readonly code: StepCode | null
  /** What to do next; null when it passed. */
  readonly hint: string | null
  readonly durationMs: number
}

/** Why a step failed. */
export interface StepProblem {
  readonly code: StepCode
  readonly hint?: string
}

/** The result of a step. With a `problem` it failed, but steps that depend on it can still run. */
export interface Found<Value> {
  readonly value: Value
  readonly detail: string
  readonly problem?: StepProblem | undefined
}

type Given<Needs> = { readonly [Name in keyof Needs]: NonNullable<Needs[Name]> }

/** Runs steps one after another; each is reported as soon as it is done. */
export class Steps {
  readonly all: Step[] = []
  /** Why a step has no value: the step itself, or the first missing one that it needs. */
  readonly #causes = new Map<string, string>()
  readonly #tell: (step: Step) => void
  readonly #signal: AbortSignal | undefined

  constructor(tell: (step: Step) => void, signal: AbortSignal | undefined) {
    this.#tell = tell
    this.#signal = signal
  }

  get ok(): boolean {
    return this.all.every(({ ok }) => ok)
  }

  /**
   * Runs a step with the values of the steps it needs, under their names. If one is missing it is reported as
   * `NOT_RUN`, never guessed. Returns undefined when there is no value; throws when it was aborted.
   */
  async run<Needs extends Readonly<Record<string, unknown>>, Value>(
    name: string,
    needs: Needs,
    act: (given: Given<Needs>) => Promise<Found<Value>>,
  ): Promise<Value | undefined> {
    this.#signal?.throwIfAborted()
    const begun = performance.now()
    const tell = (ok: boolean, detail: string, problem?: StepProblem) => {
      const code = problem?.code ?? null
      const hint = problem?.hint ?? (code && hints[code])
      const step = { name, ok, detail, code, hint, durationMs: Math.round(performance.now() - begun) }
      this.all.push(step)
      this.#tell(step)
    }
    const missing = Object.keys(needs).find((need) => needs[need] === undefined)
    if (missing !== undefined) {
      const cause = this.#causes.get(missing) ?? missing
      this.#causes.set(name, cause)
      tell(false, `not run: ${title(cause)} failed`, { code: 'NOT_RUN' })
      return undefined
    }
    try {
      const { value, detail, problem } = await act(needs as Given<Needs>)
      this.#signal?.throwIfAborted() // what was cut short may look like an answer
      tell(problem === undefined, detail, problem)
      return value
    } catch (error) {
      this.#signal?.throwIfAborted()
      if (!(error instanceof MtlsError || error instanceof StepFailure)) throw error
      this.#causes.set(name, name)
      tell(false, error.message, error)
      return undefined
    }
  }
}

/** `client_certificate` → `client certificate`. */
export function title(name: string): string {
  return name.replaceAll('_', ' ')
}
