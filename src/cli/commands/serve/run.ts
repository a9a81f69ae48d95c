import { type ServerName, type Settings, serverNames } from '../../../config/index.js'
import type { Io } from '../../io/io.js'
import { servingOptions } from '../../serving/options.js'
import { serveUntilSignal } from '../../serving/until-signal.js'
import { refuseSharedPorts, startServers } from './start-servers.js'

export interface ServeFlags {
  readonly port?: string
  readonly tlsPort?: string
  readonly json?: boolean
  readonly allow?: readonly string[]
}

export async function run(
  which: ServerName | 'all',
  flags: ServeFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const names = which === 'all' ? serverNames : [which]
  refuseSharedPorts(names, settings)
  const options = servingOptions(settings, flags.allow)
  await serveUntilSignal(() => startServers(names, settings, options), flags, settings, io)
}
