import type { FetchLike } from '@modelcontextprotocol/client'
import { checkLiveOptions, isOptions, parseTlsConfig, requireCall, type TlsOptions } from '../config/index.js'
import type { MtlsFetch } from './fetch.js'
import type { MtlsFetchOptions } from './live-connections.js'
import { defaultMaxConnections } from './pool-figures.js'

const none = { active: 0, idle: 0, total: 0 }

/**
 * A `fetch` for `https://` URLs that shows our client certificate and judges the server's, for people who
 * build their own transport. It rejects with `MtlsError` for whatever is about the connection, and with what `fetch` does for
 * the rest; either says `sent`. A body that breaks off while it is read is a `TypeError`, as with `fetch`.
 * Throws `CONFIG_INVALID` and, for missing files, `CERT_DIR_NOT_FOUND` and `CERT_NOT_FOUND`.
 */
export function mtlsFetch(tls: TlsOptions = {}, options: MtlsFetchOptions = {}): MtlsFetch {
  requireCall(isOptions(tls) && isOptions(options), "mtlsFetch({ certDir: './certs' })")
  checkLiveOptions('mtlsFetch', options)
  const config = parseTlsConfig(tls, 'client')
  let opening: Promise<MtlsFetch> | undefined
  let opened: MtlsFetch | undefined
  // What makes connections is loaded with the first of them.
  const open = () => {
    opening ??= import('./fetch.js').then(({ fetchOver }) => {
      opened = fetchOver(config, options)
      return opened
    })
    return opening
  }
  const request: FetchLike = async (url, init) => (opened ?? (await open()))(url, init)
  return Object.assign(request, {
    pool: () => opened?.pool() ?? { max: options.maxConnections ?? defaultMaxConnections, ...none },
    connection: (url: string | URL) => opened?.connection(url),
    reload: async () => (await open()).reload(),
    close: async () => (await open()).close(),
  })
}
