import { MtlsError } from '../errors.js'

const lost = new WeakSet<MtlsError>()

/** Whether a request may have reached the server although it failed: such a call must not simply be repeated. */
export function mayHaveBeenExecuted(error: unknown): boolean {
  return error instanceof MtlsError && lost.has(error)
}

/** Whether no connection came about, for a reason that may be gone in a moment. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof MtlsError &&
    !lost.has(error) &&
    (error.code === 'CONNECTION_FAILED' ||
      error.code === 'CONNECTION_TIMEOUT' ||
      error.code === 'TLS_HANDSHAKE_TIMEOUT')
  )
}

/** The `MtlsError` somewhere among the causes of an error, or undefined: undici and the SDK wrap it. */
export function mtlsErrorIn(error: unknown): MtlsError | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    if (cause instanceof MtlsError) return cause
  }
  return undefined
}

/** What `fetch` rejected with, in our words. An abort stays what it is. */
export function explainFailure(error: unknown, { host }: URL): unknown {
  const known = mtlsErrorIn(error)
  if (known) return known
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error
  const { code, message } = error.cause as NodeJS.ErrnoException
  const failure = new MtlsError(
    'CONNECTION_FAILED',
    `the connection to ${host} was lost before the answer came (${code ?? message})`,
    {
      hint: 'Check whether the server is still running; the call may have been executed.',
      cause: error,
    },
  )
  lost.add(failure)
  return failure
}
