import { closeSync, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { farServer, freeName } from '../../../bridge/far-server.js'
import { startBridge } from '../../../bridge/start.js'
import {
  type ListenPlace,
  type McpServerEntry,
  parseClientConfig,
  parseListenPlace,
  type Settings,
  serverIdsIn,
} from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { printable } from '../../../text/printable.js'
import type { Io } from '../../io/io.js'
import { writeLines } from '../../io/output.js'
import { onHangup, stopSignals } from '../../io/signals.js'
import { headersFor } from '../../options/headers.js'
import { mcpServers, type ServersFlags } from '../../options/mcp-servers.js'
import { clientOptionsOf, entryNamed, noServer, serverUrlOf } from '../../options/one-server.js'

export interface BridgeFlags extends ServersFlags {
  readonly server?: readonly string[]
  readonly serverName?: string
  readonly header?: readonly string[]
  readonly listen?: string
  readonly origin?: string
  readonly logFile?: string
  readonly initializeWithin: number
}

export async function run(
  urls: readonly string[],
  flags: BridgeFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  io.isService = true // its client may go at any time
  const { entries, notices } = entriesOf(urls, flags, settings, io)
  const configs = entries.map(
    ([name, entry]) => [name, parseClientConfig(clientOptionsOf(entry, settings))] as const,
  )
  const place = listenPlaceOf(flags)
  const log = openLogFile(flags.logFile, io)
  for (const message of notices) log.write({ event: 'notice', message })
  const { stop } = stopSignals(io)
  onHangup(() => undefined)
  try {
    const [first, ...others] = configs.map(([name, config]) => farServer(name, config, log.write))
    if (!first) throw noServer()
    const options = { early: flags.initializeWithin, tell: log.write }
    const near = place ?? { input: io.stdin, output: io.stdout }
    const { url, closed } = await startBridge(near, [first, ...others], options, stop)
    if (url !== undefined) writeLines(io.stdout, [url])
    await closed
  } finally {
    log.close()
  }
  io.stopped = true // nobody reads what stdout still holds
}

/** Throws `CONFIG_INVALID`. */
function listenPlaceOf({ listen, origin }: BridgeFlags): ListenPlace | undefined {
  if (listen !== undefined) return parseListenPlace(listen, origin)
  if (origin === undefined) return undefined
  throw new MtlsError('CONFIG_INVALID', '--origin is for web pages, which come over HTTP: it needs --listen')
}

interface Entries {
  readonly entries: readonly (readonly [name: string, entry: McpServerEntry])[]
  readonly notices: readonly string[]
}

/** The servers of the URLs, and those of the file, by names that differ. Throws `CONFIG_INVALID`. */
function entriesOf(urls: readonly string[], flags: BridgeFlags, settings: Settings, io: Io): Entries {
  const { config, server: only, serverName } = flags
  if (only && config === undefined)
    throw new MtlsError('CONFIG_INVALID', '--server names an entry of --config')
  const file = config === undefined ? undefined : mcpServers(flags, settings, io)
  const ids = serverIdsIn(flags.serverId)
  const entries = new Map<string, McpServerEntry>()
  for (const text of urls) {
    const url = serverUrlOf(text, settings)
    entries.set(
      freeName(new URL(url), (name) => entries.has(name)),
      { url, tls: {}, ...(ids && { serverId: ids }) },
    )
  }
  for (const name of only ?? Object.keys(file?.servers ?? {})) {
    if (!file) continue
    const entry = entryNamed(name, file, config ?? '')
    entries.set(
      numbered(name, (one) => entries.has(one)),
      entry,
    )
  }
  const headers = headersFor(
    [...entries.values()].map(({ url }) => new URL(url)),
    flags.header,
  )
  return {
    entries: [...entries].map(([name, entry]) => [
      name,
      {
        ...entry,
        ...(serverName !== undefined && { serverName }),
        ...(flags.header && { headers: { ...entry.headers, ...headers } }),
      },
    ]),
    notices: file?.notices ?? [],
  }
}

/** An entry may be called like the host of a URL. */
function numbered(name: string, isTaken: (name: string) => boolean): string {
  let free = name
  for (let number = 2; isTaken(free); number++) free = `${name}-${number}`
  return free
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
