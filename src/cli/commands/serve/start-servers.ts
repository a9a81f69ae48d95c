import type { ServerName, Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { type RunningServer, serve } from '../../../server/index.js'
import { builtInServers } from '../../../servers/index.js'
import { servingOptions } from '../../serving/options.js'

/** All or none: if one cannot start, those already started are closed. */
export async function startServers(
  names: readonly ServerName[],
  settings: Settings,
  options = servingOptions(settings),
): Promise<RunningServer[]> {
  const { tlsEnabled, healthPort, sessions } = settings
  const { enabled, ...sessionLimits } = sessions
  const started: RunningServer[] = []
  try {
    for (const [index, name] of names.entries()) {
      const { port, tlsPort } = settings.servers[name]
      const server = builtInServers[name]
      const factory = server.create({
        weatherProvider: settings.weather.provider,
        openMeteoUrl: settings.weather.openMeteoUrl,
      })
      started.push(
        await serve(factory, {
          name: server.name,
          ...options,
          ...(tlsEnabled ? { tlsPort } : { httpPort: port }),
          ...(healthPort !== undefined && { healthPort: nextPort(healthPort, index) }),
          sessions: enabled && sessionLimits,
        }),
      )
    }
    return started
  } catch (error) {
    await Promise.all(started.map((server) => server.close({ drainTimeout: 0 })))
    throw error
  }
}

/** Each server has its own health port: the given one, the next, the one after. */
function nextPort(first: number, index: number): number {
  return first === 0 ? 0 : first + index
}

/** Throws `PORT_CONFLICT` when two of these servers use the same port. */
export function refuseSharedPorts(
  names: readonly ServerName[],
  { servers, tlsEnabled, healthPort }: Settings,
): void {
  const taken = new Map<number, string>()
  for (const [index, name] of names.entries()) {
    const { port, tlsPort } = servers[name]
    const listeners: [string, number | undefined][] = [
      [name, tlsEnabled ? tlsPort : port],
      [`health of ${name}`, healthPort === undefined ? undefined : nextPort(healthPort, index)],
    ]
    for (const [listener, number] of listeners) {
      if (!number) continue
      const other = taken.get(number)
      if (other !== undefined)
        throw new MtlsError('PORT_CONFLICT', `port ${number} is wanted by ${other} and by ${listener}`)
      taken.set(number, listener)
    }
  }
}
