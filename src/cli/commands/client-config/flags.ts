import type { SettingName } from '../../../config/settings/setting-table.js'

/** The settings that `bridge` is started with; the passphrase only by the name of its file. */
export const bridgeSettings = [
  ...(['certDir', 'caCert', 'trustDomains', 'clientCert', 'clientKey', 'keyPassphraseFile'] as const),
  ...(['crl', 'crlMissing', 'demoMode', 'demoAllowRemote', 'minVersion', 'timeout'] as const),
] as const satisfies readonly SettingName[]

/** The flags that are no settings. */
export interface ClientConfigFlags {
  readonly client?: readonly string[]
  readonly name?: string
  readonly scope: 'user' | 'project'
  readonly install?: boolean
  readonly uninstall?: boolean
  readonly test?: boolean
  readonly list?: boolean
  readonly mcpb?: string
  readonly serverId?: readonly string[]
  readonly header?: readonly string[]
  readonly config?: string
  readonly logFile?: string
  readonly json?: boolean
}
