import { resolve } from 'node:path'
import {
  homeOf,
  type McpServerEntry,
  type McpServersFile,
  type Settings,
  serverIdsIn,
  serverNames,
  serverUrlProblem,
  withMcpPath,
} from '../../config/index.js'
import { readMcpServers } from '../../config/mcp-servers.js'
import { MtlsError } from '../../errors.js'
import type { Io } from '../io/io.js'
import { suggestion } from '../mcp/near.js'

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

/** How a server is called: what `parseClientConfig` takes. */
export function clientOptionsOf(entry: McpServerEntry, settings: Settings) {
  const { tlsEnabled, timeoutMs, maxAnswerBytes } = settings
  const { url, serverName, serverId, headers } = entry
  return {
    serverUrl: url,
    useTls: tlsEnabled,
    ...(tlsEnabled && { tls: tlsOf(entry, settings) }),
    ...(serverName !== undefined && { serverName }),
    ...(serverId !== undefined && { serverId }),
    ...(headers !== undefined && { headers }),
    timeoutMs,
    maxAnswerBytes,
  }
}

const example = 'Type a URL such as https://localhost:8443/mcp, or name a server of --config FILE.'

export function noServer(): MtlsError {
  return new MtlsError('CONFIG_INVALID', 'no server is named', { hint: example })
}

/** The URL of a server as it was typed; with the path of MCP where it has none. Throws `CONFIG_INVALID`. */
export function serverUrlOf(text: string | undefined, { tlsEnabled, tls }: Settings): string {
  if (text === undefined) throw noServer()
  const url = withMcpPath(text)
  const { demoMode, demoAllowRemote = false } = tls
  const problem = serverUrlProblem(url, { tls: tlsEnabled, demoMode, demoAllowRemote })
  if (problem !== undefined) throw new MtlsError('CONFIG_INVALID', problem, { hint: example })
  return url
}

/** The server of that name; `where` is for people. Throws `CONFIG_INVALID`. */
export function entryNamed(
  name: string,
  { servers, leftOut }: Pick<McpServersFile, 'servers' | 'leftOut'>,
  where: string,
): McpServerEntry {
  const entry = Object.hasOwn(servers, name) ? servers[name] : undefined
  if (entry) return entry
  const why = Object.hasOwn(leftOut, name) ? leftOut[name] : undefined
  throw new MtlsError(
    'CONFIG_INVALID',
    why === undefined
      ? `there is no server ${JSON.stringify(name)} in ${where}`
      : `the server ${JSON.stringify(name)} of ${where} cannot be called: ${why}`,
    { hint: suggestion(name, Object.keys(servers)) },
  )
}
