export { type ServerName, serverNames } from './choices.js'
export { type McpClientConfig, type McpClientOptions, parseClientConfig } from './client-config.js'
export { readDotenv } from './dotenv.js'
export { parseDuration } from './duration.js'
export type { Limits, LimitsOptions } from './limits.js'
export { isLocalhost, localhostAddresses, waysTo } from './localhost.js'
export { isLoopback } from './loopback.js'
export { type McpServerEntry, type McpServersFile, readMcpServers } from './mcp-servers.js'
export { packageVersion, releaseDate } from './package-version.js'
export { proxyVariables } from './proxies.js'
export { type McpServerConfig, type McpServerOptions, parseServerConfig } from './server-config.js'
export {
  flagOf,
  type Setting,
  type SettingGroup,
  type SettingName,
  settingNames,
  settingsOf,
  settingTable,
} from './setting-table.js'
export {
  readSettings,
  type SettingSources,
  type Settings,
  settingNotices,
} from './settings.js'
export { parseTlsConfig } from './tls-config.js'
export { fileNames, type Role, type TlsConfig, type TlsOptions } from './tls-options.js'
