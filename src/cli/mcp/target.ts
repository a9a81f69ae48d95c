import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { hostPortOf, type McpServerEntry, type Settings, serverIdsIn } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import type { Io } from '../io/io.js'
import { headersOf } from '../options/headers.js'
import { mcpServers } from '../options/mcp-servers.js'
import { entryNamed, serverUrlOf } from '../options/one-server.js'
import type { ServerFlags } from './options.js'

/** The server that is called. */
export interface Target {
  /** For people: its name in the file, or `host:port`. */
  readonly name: string
  readonly entry: McpServerEntry
}

export interface Targeted {
  readonly target: Target
  /** The words behind the server. */
  readonly words: readonly string[]
  readonly notices: readonly string[]
}

/** The server that the first word or the flags name. Throws `CONFIG_INVALID`. */
export function targetOf(
  words: readonly string[],
  flags: ServerFlags,
  settings: Settings,
  io: Pick<Io, 'cwd' | 'env'>,
): Targeted {
  if (flags.server === undefined && flags.config === undefined) {
    const [url, ...rest] = words
    const checked = serverUrlOf(url, settings)
    const target = { name: hostPortOf(new URL(checked)), entry: { url: checked, tls: {} } }
    return { target: withFlags(target, flags), words: rest, notices: [] }
  }
  const { servers, leftOut, notices } = mcpServers({ config: flags.config }, settings, io)
  const names = Object.keys(servers)
  const name = flags.server ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined)
    throw new MtlsError('CONFIG_INVALID', `${flags.config} has ${names.length} servers: name one`, {
      hint: `Add --server NAME: ${names.join(', ')}.`,
    })
  const entry = entryNamed(name, { servers, leftOut }, flags.config ?? 'the settings')
  // What is wrong with others is theirs.
  const own = notices.filter((notice) => !Object.keys(leftOut).some((other) => notice.includes(`"${other}"`)))
  return { target: withFlags({ name, entry }, flags), words, notices: flags.server ? own : notices }
}

/** Flags are over what an entry says. */
function withFlags({ name, entry }: Target, { serverName, serverId, header }: ServerFlags): Target {
  const ids = serverIdsIn(serverId)
  const headers = { ...entry.headers, ...headersOf(header) }
  return {
    name,
    entry: {
      ...entry,
      ...(serverName !== undefined && { serverName }),
      ...(ids !== undefined && { serverId: ids }),
      ...(Object.keys(headers).length > 0 && { headers }),
    },
  }
}

/** Folders as a server gets them. */
export function rootsOf(folders: readonly string[] = [], { cwd }: Pick<Io, 'cwd'>) {
  return folders.map((folder) => ({ uri: pathToFileURL(resolve(cwd, folder)).href, name: folder }))
}

/** Throws `CONFIG_INVALID` for words that nothing is done with. */
export function noMoreWords(words: readonly string[]): void {
  if (words.length > 0)
    throw new MtlsError(
      'CONFIG_INVALID',
      `too many arguments: ${words.map((word) => JSON.stringify(word)).join(' ')}`,
    )
}
