import { MtlsError } from '../errors.js'

/** What a call of `listen` asks for. */
export interface ListenCall {
  readonly host: string | undefined
  readonly port: number | undefined
  /** Passed on to Node as they are: `backlog`, `exclusive`, `ipv6Only`, `reusePort`. */
  readonly rest: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal | undefined
  readonly callback: (() => void) | undefined
  /** Why it cannot listen there. */
  readonly problem: MtlsError | undefined
}

const passedOn = ['backlog', 'exclusive', 'ipv6Only', 'reusePort']

/** Reads the arguments of `listen` as `net.Server` does: a port, a host and a backlog, or one object; a callback last. */
export function listenCall(args: readonly unknown[]): ListenCall {
  const last = args.at(-1)
  const callback = typeof last === 'function' ? (last as () => void) : undefined
  const [first, second, third] = callback ? args.slice(0, -1) : args
  if (typeof first === 'object' && first !== null) return { ...fromOptions(first), callback }
  const host = typeof second === 'string' && second !== '' && !isNumeric(second) ? second : undefined
  const backlog = [second, third].find(isNumeric)
  return {
    ...portOf(first),
    host,
    rest: backlog === undefined ? {} : { backlog: Number(backlog) },
    signal: undefined,
    callback,
  }
}

function fromOptions(options: object): Omit<ListenCall, 'callback'> {
  const given = options as Record<string, unknown>
  const { host, port, signal } = given
  const rest = Object.fromEntries(passedOn.filter((name) => name in given).map((name) => [name, given[name]]))
  const isElsewhere = given.path != null || given.fd != null || '_handle' in given || 'handle' in given
  const { problem, ...to } = portOf(port)
  return {
    ...to,
    host: typeof host === 'string' && host !== '' ? host : undefined,
    rest,
    signal: signal instanceof AbortSignal ? signal : undefined,
    problem: isElsewhere ? notThere('a socket path, a handle or a descriptor') : problem,
  }
}

/** Of no port, that of the options is meant. */
function portOf(port: unknown): Pick<ListenCall, 'port' | 'problem'> {
  if (port === undefined || port === null || port === '') return { port: undefined, problem: undefined }
  if (typeof port === 'number' || isNumeric(port)) return { port: Number(port), problem: undefined }
  return {
    port: undefined,
    problem: notThere(typeof port === 'string' ? 'a socket path' : `a ${typeof port}`),
  }
}

function isNumeric(value: unknown): boolean {
  return (
    (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')) && Number(value) >= 0
  )
}

function notThere(what: string): MtlsError {
  return new MtlsError('CONFIG_INVALID', `listen: ${what} is not possible here: give a port and a host`)
}
