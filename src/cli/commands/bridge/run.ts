import { closeSync, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { farServer } from '../../../bridge/far-server.js'
import { bridgeStdio } from '../../../bridge/start.js'
import { parseClientConfig, type Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { printable } from '../../../text/printable.js'
import type { Io } from '../../io/io.js'
import { writeLines } from '../../io/output.js'
import { onHangup, stopSignals } from '../../io/signals.js'
import { headersOf } from '../../options/headers.js'

export interface BridgeFlags {
  readonly serverName?: string
  readonly serverId?: readonly string[]
  readonly header?: readonly string[]
  readonly logFile?: string
  readonly initializeWithin: number
}

export async function run(
  url: string,
  { serverName, serverId, header, logFile, initializeWithin: early }: BridgeFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  io.isService = true // its client may go at any time
  const { tlsEnabled, tls, timeoutMs, maxAnswerBytes } = settings
  const headers = headersOf(header)
  const config = parseClientConfig({
    serverUrl: url,
    useTls: tlsEnabled,
    ...(tlsEnabled && { tls }),
    ...(serverName !== undefined && { serverName }),
    ...(serverId !== undefined && { serverId }),
    timeoutMs,
    maxAnswerBytes,
    ...(header && { headers }),
  })
  const log = openLogFile(logFile, io)
  const { stop } = stopSignals(io)
  onHangup(() => undefined)
  try {
    const servers = [farServer(config, log.write)] as const
    await bridgeStdio(io.stdin, io.stdout, servers, { early, tell: log.write }, stop)
  } finally {
    log.close()
  }
  io.stopped = true // nobody reads what stdout still holds
}

interface EventLog {
  write(event: { readonly event: string; readonly message: string }): void
  close(): void
}

/** Throws `CONFIG_INVALID` when the file cannot be written. */
function openLogFile(name: string | undefined, io: Io): EventLog {
  const line = (fields: object) => JSON.stringify({ time: new Date().toISOString(), ...fields })
  if (name === undefined)
    return {
      write: (event) => writeLines(io.stderr, [line({ ...event, message: printable(event.message) })]),
      close: () => {},
    }
  const path = resolve(io.cwd, name)
  let file: number
  try {
    file = openSync(path, 'a', 0o600)
  } catch (error) {
    throw new MtlsError('CONFIG_INVALID', `--log-file: ${path} cannot be written`, { cause: error })
  }
  return {
    write: (event) => {
      try {
        writeSync(file, `${line(event)}\n`)
      } catch {
        // A full disk takes nothing from the client.
      }
    },
    close: () => closeSync(file),
  }
}
