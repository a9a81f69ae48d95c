import { resolve } from 'node:path'
import {
  homeOf,
  type McpServerEntry,
  type McpServersFile,
  type Settings,
  serverIdsIn,
  serverNames,
} from '../../config/index.js'
import { readMcpServers } from '../../config/mcp-servers.js'
import type { Io } from '../io/io.js'

/** What a command says of the servers that it calls. */
export interface ServersFlags {
  /** A `mcpServers` file. */
  readonly config?: string | undefined
  /** For all of them, unless an entry says its own. */
  readonly serverId?: readonly string[] | undefined
}

/** The servers in the `mcpServers` file if one is given, else those of the settings. Throws `CONFIG_INVALID`. */
export function mcpServers(
  flags: ServersFlags,
  settings: Settings,
  io: Pick<Io, 'cwd' | 'env'>,
): McpServersFile {
  const file = serversOf(flags.config, settings, io)
  const serverId = serverIdsIn(flags.serverId)
  if (serverId === undefined) return file
  const asked = Object.entries(file.servers).map(([name, entry]) => [name, { serverId, ...entry }] as const)
  return { ...file, servers: Object.fromEntries(asked) }
}

function serversOf(
  file: string | undefined,
  { tlsEnabled, tls, servers }: Settings,
  { cwd, env }: Pick<Io, 'cwd' | 'env'>,
): McpServersFile {
  const { demoMode, demoAllowRemote = false } = tls
  if (file !== undefined)
    return readMcpServers(
      resolve(cwd, file),
      { tls: tlsEnabled, demoMode, demoAllowRemote },
      { env, home: homeOf(env) },
    )
  const own = serverNames.map((name) => [name, { url: servers[name].url, tls: {} }] as const)
  return { servers: Object.fromEntries(own), leftOut: {}, notices: [] }
}

/** The files of an entry override those of the settings; a different key has a different passphrase, or none. */
export function tlsOf({ tls }: McpServerEntry, settings: Settings): Settings['tls'] {
  const { keyPassphrase, ...shared } = settings.tls
  const passphrase = tls.clientKey === undefined && keyPassphrase !== undefined ? { keyPassphrase } : {}
  return { ...shared, ...passphrase, ...tls }
}
