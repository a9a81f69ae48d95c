import type { FetchLike } from '@modelcontextprotocol/client'
import { headerProblem } from '../config/index.js'
import { MtlsError } from '../errors.js'
import type { Exchanging } from './fetch.js'

type Closable = FetchLike & Exchanging & { close(): Promise<void> }

/** Headers, or what gives them for each request. */
export type MoreHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)

/**
 * The same, with these headers in each request, but for those that it says itself. `isTokenSet`: the request says its
 * `Authorization` itself, and no other may be given.
 */
export function withHeaders(fetch: Closable, more: MoreHeaders | undefined, isTokenSet = false): Closable {
  if (more === undefined) return fetch
  const fixed = typeof more === 'function' ? undefined : inLowerCase(more)
  const headersNow = async () => fixed ?? checked(await given(more as () => unknown), isTokenSet)
  const added = async (url: string | URL, init: RequestInit | undefined) => {
    const headers = new Headers(init?.headers)
    for (const [name, value] of Object.entries(fixed ?? (await headersNow())))
      if (!headers.has(name)) headers.set(name, value)
    return fetch(url, { ...init, headers })
  }
  return Object.assign(added, {
    exchange: (async (target, request, isPlain) =>
      fetch.exchange(
        target,
        { ...request, headers: { ...(fixed ?? (await headersNow())), ...request.headers } },
        isPlain,
      )) satisfies Exchanging['exchange'],
    close: () => fetch.close(),
  })
}

async function given(more: () => unknown): Promise<unknown> {
  try {
    return await more()
  } catch (error) {
    throw wrong('the function for headers failed', 'See `cause`.', error)
  }
}

/** What a function gives is held to what options are. No value is shown: it is often a secret. */
function checked(all: unknown, isTokenSet: boolean): Readonly<Record<string, string>> {
  if (typeof all !== 'object' || all === null)
    throw wrong('the function for headers gave none', 'It gives an object: { name: value }.')
  for (const [name, value] of Object.entries(all)) {
    const isToken = isTokenSet && name.toLowerCase() === 'authorization'
    const problem = isToken
      ? 'is set by `authProvider`'
      : typeof value === 'string'
        ? headerProblem(name, value)
        : 'expected text'
    if (problem !== undefined)
      throw wrong(`the function for headers gave ${JSON.stringify(name)}: ${problem}`, 'Leave it out.')
  }
  return inLowerCase(all as Readonly<Record<string, string>>)
}

function inLowerCase(all: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name.toLowerCase(), value]))
}

function wrong(message: string, hint: string, cause?: unknown): MtlsError {
  return new MtlsError('CONFIG_INVALID', message, { hint, cause, sent: 'no' })
}
