import { parseExposeOptions, type Settings } from '../../../config/index.js'
import { flagOf } from '../../../config/settings/setting-table.js'
import { startExposed } from '../../../expose/expose.js'
import type { Io } from '../../io/io.js'
import { servingOptions } from '../../serving/options.js'
import { serveUntilSignal } from '../../serving/until-signal.js'

export interface ExposeFlags {
  readonly upstream?: string
  readonly name?: string
  readonly tlsPort: number
  readonly port: number
  readonly instances?: string
  readonly idle?: string
  readonly maxInstances?: number
  readonly startTimeout?: string
  readonly maxLine?: number
  readonly allow?: readonly string[]
  readonly json?: boolean
}

export async function run(
  [command, ...args]: readonly string[],
  {
    upstream,
    name,
    tlsPort,
    port,
    instances,
    idle,
    maxInstances,
    startTimeout,
    maxLine,
    allow,
    json,
  }: ExposeFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const { tlsEnabled, healthPort, sessions } = settings
  const { log, ...options } = servingOptions(settings, allow)
  const { max, maxPerIdentity } = sessions
  const exposed = parseExposeOptions(
    {
      upstream,
      ...(command !== undefined && { command, args }),
      instances,
      maxInstances,
      startTimeout,
      maxLine,
      name,
      ...options,
      ...(tlsEnabled ? { tlsPort } : { httpPort: port }),
      healthPort,
      idle: idle ?? sessions.idle,
      sessions: { max, maxPerIdentity },
    },
    io,
    flagNamed,
  )
  await serveUntilSignal(async () => [await startExposed(exposed, { log })], { json }, settings, io)
}

/** `limits.idleTimeout` → `--idle-timeout`: as it was typed. The command itself, and its arguments, have no flag. */
function flagNamed(option: string): string {
  const name = option.split('.').at(-1) ?? option
  return /^(command|args|cwd)/.test(option) ? option : flagOf(name)
}
