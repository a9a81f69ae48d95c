import { isIP } from 'node:net'
import { MtlsError } from '../errors.js'
import { bare } from '../text/host.js'
import { type DesktopClient, usualName } from './clients.js'

/** What servers at these URLs are called when nobody says so: valid for every client. */
export function defaultName(urls: readonly URL[]): string {
  const [url] = urls
  if (url === undefined || urls.length > 1) return 'mcp-mtls'
  const host = bare(url.hostname)
  const place = isIP(host) || host === 'localhost' ? `${host}-${url.port || 443}` : host.split('.')[0]
  const path = url.pathname.split('/').filter((part) => part !== '' && part !== 'mcp' && part !== 'sse')
  const name = [place, ...path]
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return name.slice(0, 40) || 'mcp-mtls'
}

/** Throws `CONFIG_INVALID` for a name that this client does not take. */
export function requireName(client: Pick<DesktopClient, 'title' | 'name'>, name: string): void {
  const { pattern, words } = client.name ?? usualName
  if (!pattern.test(name))
    throw new MtlsError(
      'CONFIG_INVALID',
      `--name: invalid name ${JSON.stringify(name)} for ${client.title}. Use ${words}`,
      {
        hint: 'Give it another one: --name NAME.',
      },
    )
}
