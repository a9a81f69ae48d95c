import type { FetchLike } from '@modelcontextprotocol/client'
import { hostPortOf, type McpClientConfig } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { urlIn } from '../text/url.js'
import { bounded } from './bounded.js'

interface Ways {
  /** To the origin of the MCP server. */
  readonly server: FetchLike
  /** To other origins. */
  readonly others: FetchLike | undefined
}

/**
 * How an `authProvider` asks for tokens: at the server's own origin over the same connections, elsewhere by a way of its own. Each
 * answer has the limits of one of MCP. What has a body, as a code or a secret, is never redirected.
 */
export function authFetch(
  { serverUrl, timeoutMs, maxAnswerBytes: limit }: McpClientConfig,
  { server, others }: Ways,
): FetchLike {
  const { origin } = new URL(serverUrl)
  return async (to, init) => {
    const url = urlIn(String(to))
    const way = url?.origin === origin ? server : others
    if (!url || !way)
      throw new MtlsError('CONFIG_INVALID', `no way to the authorization server ${url?.origin ?? ''}`, {
        hint: 'Give `authFetch`, for example the global `fetch`, if that server is to be trusted.',
        sent: 'no',
      })
    const limits = AbortSignal.timeout(timeoutMs)
    const response = await way(to, {
      ...init,
      signal: init?.signal ? AbortSignal.any([init.signal, limits]) : limits,
      ...(init?.body && { redirect: 'error' }),
    })
    return bounded(response, { limit, host: hostPortOf(url) }, () => {})
  }
}
