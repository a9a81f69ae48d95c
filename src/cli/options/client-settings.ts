import type { SettingName } from '../../config/settings/setting-table.js'

/** The settings of a command that calls MCP servers. */
export const clientSettings = [
  ...([
    'tlsEnabled',
    'certDir',
    'caCert',
    'trustDomains',
    'clientCert',
    'clientKey',
    'keyPassphrase',
  ] as const),
  ...([
    'crl',
    'crlMissing',
    'demoMode',
    'demoAllowRemote',
    'minVersion',
    'timeout',
    'maxAnswerBytes',
  ] as const),
] satisfies readonly SettingName[]
