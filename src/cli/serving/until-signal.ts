import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { isLocalhost, isLoopback, type Settings } from '../../config/index.js'
import type { RunningServer } from '../../server/index.js'
import { openLog } from '../../tls/log/log.js'
import type { Io } from '../io/io.js'
import { writeJson, writeLines } from '../io/output.js'
import { onHangup, stopSignals, tellUserSignals } from '../io/signals.js'
import { table } from '../terminal/table.js'
import { makeDemoCertificates } from './demo-certificates.js'

/**
 * Starts servers and says where they listen; SIGHUP makes them read their certificates and policy again. At the first SIGINT or
 * SIGTERM they drain, the second ends them at once.
 */
export async function serveUntilSignal(
  start: () => Promise<readonly RunningServer[]>,
  { json = false }: { readonly json?: boolean | undefined },
  settings: Settings,
  io: Io,
): Promise<void> {
  const { stop, force } = stopSignals(io)
  io.isService = true
  const { logger } = openLog({ level: settings.logLevel })
  tellUserSignals((signal) => logger.warn({ event: 'signal-ignored', signal }, `${signal} does nothing here`))
  if (settings.tlsEnabled) {
    await makeDemoCertificates(settings, io)
    warnOfAuthorityKey(settings, io)
  }
  let servers: readonly RunningServer[] = []
  // Registered before the servers listen, since SIGHUP would end the process. The result of a reload goes to the log,
  // as it does when the files change.
  onHangup(() => {
    for (const server of servers) {
      server.reopenLog()
      server.reload().catch(() => undefined)
    }
  })
  servers = await start()
  const mode = !settings.tlsEnabled ? 'plaintext' : settings.tls.demoMode ? 'demo' : 'strict'
  const listening = servers.map(({ name, url }) => ({ name, url, mode }))
  // Where standard output is the record of calls, nothing else is in it.
  const stdout = settings.audit.log === '-' ? io.stderr : io.stdout
  if (json) writeJson({ ...io, stdout }, { servers: listening })
  else writeLines(stdout, table(listening.map(({ name, url }) => [name, url, mode])))

  if (!stop.aborted) await once(stop, 'abort')
  force.addEventListener('abort', () => servers.map((server) => server.close({ drainTimeout: 0 })))
  // Through the log, not directly to stderr: a stopped terminal would block it.
  logger.info({ event: 'draining' }, 'draining; a second signal ends at once')
  await Promise.all(servers.map((server) => server.close()))
}

/** An attacker who takes over a reachable server should not find the key that makes identities. */
function warnOfAuthorityKey({ host, tls }: Settings, io: Io): void {
  if (isLoopback(host) || isLocalhost(host)) return
  const directories = new Set([tls.certDir, ...(tls.caCert === undefined ? [] : [dirname(tls.caCert)])])
  for (const path of [...directories].map((directory) => join(directory, 'ca.key')).filter(isReadable))
    writeLines(io.stderr, [
      `warning: this server listens on ${host} and can read the key of the CA, ${path}`,
      'hint: Keep the CA elsewhere: `mcp-mtls cert-gen --ca-dir DIR`.',
    ])
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
