export type { AuditConfig, AuditLogOptions, AuditReceiver } from './audit-options.js'
export { type BridgeServerOptions, type BridgeSettings, parseBridgeOptions } from './bridge-options.js'
export { childEnvironment } from './child-environment.js'
export { type McpClientConfig, type McpClientOptions, parseClientConfig } from './client-config.js'
export { parseDuration } from './duration.js'
export {
  type Exposure,
  endpointOf,
  hostPortOf,
  serverUrlProblem,
  upstreamProblem,
  withMcpPath,
} from './endpoint.js'
export {
  type CommandConfig,
  type ExposeConfig,
  type ExposedCommand,
  type ExposedUpstream,
  type ExposeServerOptions,
  parseExposeOptions,
} from './expose-options.js'
export { type GatedConfig, type Place, parseGatedOptions } from './gated-config.js'
export type { AskedMethod, ToldMethod } from './handler-methods.js'
export { headerProblem } from './header-problem.js'
export type { Limits, ParsedLimits } from './limits.js'
export type { ListenOptions, ListenPlace } from './listen-place.js'
export { parseListenPlace } from './listen-place.js'
export { checkLiveOptions } from './live-options.js'
export { isLocalhost, isLoopback, localhostAddresses, waysTo } from './localhost.js'
export type { McpServerEntry, McpServersFile } from './mcp-servers.js'
export { packageVersion, releaseDate } from './package-version.js'
export { homeOf } from './placeholders.js'
export { readPolicyText, watchPolicyFile } from './policy-file.js'
export { AllowOnly } from './policy-option.js'
export { proxyVariables } from './proxies.js'
export { type Reconnection, type ReconnectionOptions, reconnectionDelay } from './reconnection.js'
export { isOptions, requireCall } from './right-call.js'
export { type McpServerConfig, type McpServerOptions, parseServerConfig } from './server-config.js'
export { serverIdsIn } from './server-id.js'
export type { SessionLimits, SessionOptions } from './sessions.js'
export { type ServerName, serverNames } from './settings/choices.js'
export { readDotenv } from './settings/dotenv.js'
export { settingNotices } from './settings/setting-notices.js'
export {
  flagOf,
  type Setting,
  type SettingGroup,
  type SettingName,
  settingNames,
  settingsOf,
  settingTable,
} from './settings/setting-table.js'
export { defaultOf } from './settings/setting-values.js'
export {
  readSettings,
  type SettingSources,
  type Settings,
} from './settings/settings.js'
export { parseTlsConfig } from './tls-config.js'
export { fileNames, type Role, type TlsConfig, type TlsOptions } from './tls-options.js'
