import { connect } from '../../client/index.js'
import { type McpServerEntry, type McpServersFile, type Settings, serverNames } from '../../config/index.js'
import type { Connect } from '../../coordinator/index.js'

/** Told when demo mode let a server pass. */
type OnRelaxed = (notice: string) => void

/** How to connect to each server: those of the file when there is one, else those of the settings. */
export function connectsFor(
  settings: Settings,
  file: McpServersFile | undefined,
  onRelaxed: OnRelaxed,
): Record<string, Connect> {
  const entries: Readonly<Record<string, McpServerEntry>> =
    file?.servers ??
    Object.fromEntries(serverNames.map((name) => [name, { url: settings.servers[name].url, tls: {} }]))
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, connectTo(name, entry, settings, onRelaxed)]),
  )
}

function connectTo(name: string, entry: McpServerEntry, settings: Settings, onRelaxed: OnRelaxed): Connect {
  const { tlsEnabled, timeoutMs, maxAnswerBytes, logLevel, securityLog } = settings
  return (signal) =>
    connect({
      serverUrl: entry.url,
      useTls: tlsEnabled,
      ...(tlsEnabled && { tls: tlsOf(entry, settings) }),
      ...(entry.serverName !== undefined && { serverName: entry.serverName }),
      timeoutMs,
      maxAnswerBytes,
      // The answer says what failed; log lines are for those who ask for them.
      log: {
        level: logLevel === 'info' ? 'silent' : logLevel,
        ...(securityLog !== undefined && { securityLog }),
      },
      onSecurityEvent: (event) => {
        if (event.event === 'verification-relaxed')
          onRelaxed(
            `demo mode: the certificate of the ${name} server was not verified (${event.relaxed.join(', ')})`,
          )
      },
      signal,
    })
}

/** The files of an entry stand over those of the settings; another key has another passphrase, or none. */
export function tlsOf({ tls }: McpServerEntry, settings: Settings): Settings['tls'] {
  const { keyPassphrase, ...shared } = settings.tls
  const passphrase = tls.clientKey === undefined && keyPassphrase !== undefined ? { keyPassphrase } : {}
  return { ...shared, ...passphrase, ...tls }
}
