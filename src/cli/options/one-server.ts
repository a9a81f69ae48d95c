import {
  type McpServerEntry,
  type McpServersFile,
  type Settings,
  serverUrlProblem,
  withMcpPath,
} from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { suggestion } from '../mcp/near.js'
import { tlsOf } from './mcp-servers.js'

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
