import type { FetchLike } from '@modelcontextprotocol/client'
import type { Exchanging } from './fetch.js'

type Closable = FetchLike & Exchanging & { close(): Promise<void> }

/** The same, with these headers in each request, but for those that it says itself. */
export function withHeaders(fetch: Closable, more: Readonly<Record<string, string>> | undefined): Closable {
  if (more === undefined) return fetch
  const names = Object.entries(more).map(([name, value]) => [name.toLowerCase(), value] as const)
  const added = (url: string | URL, init: RequestInit | undefined) => {
    const headers = new Headers(init?.headers)
    for (const [name, value] of names) if (!headers.has(name)) headers.set(name, value)
    return fetch(url, { ...init, headers })
  }
  return Object.assign(added, {
    exchange: ((target, request, isPlain) =>
      fetch.exchange(
        target,
        { ...request, headers: { ...Object.fromEntries(names), ...request.headers } },
        isPlain,
      )) satisfies Exchanging['exchange'],
    close: () => fetch.close(),
  })
}
