import { onTestFinished } from 'vitest'
import { parseServerConfig } from '../../src/config/index.js'
import type { ExposedCommand } from '../../src/expose/stdio/instances.js'
import { stdioServer } from '../../src/expose/stdio/serves.js'
import type { CallerFacts } from '../../src/server/caller-facts.js'
import type { McpServerOptions, RunningServer, SecurityEvent } from '../../src/server/index.js'
import { startServer } from '../../src/server/listening-server.js'
import type { World } from './world.js'

export interface Exposed {
  readonly server: RunningServer
  readonly url: string
  readonly events: SecurityEvent[]
}

/** A program behind the gate, closed with the test. */
export async function exposed(
  { certDir }: Pick<World, 'certDir'>,
  [command, ...args]: readonly [string, ...string[]],
  {
    log = false,
    sessions = true,
    ...options
  }: Partial<ExposedCommand> &
    Pick<Partial<McpServerOptions>, 'sessions' | 'limits'> & {
      readonly log?: false | { readonly level: 'info' }
    } = {},
): Promise<Exposed> {
  const { limits, ...rest } = options
  const config = parseServerConfig({
    name: `exposed-${crypto.randomUUID()}`,
    tls: { certDir },
    sessions,
    ...(limits && { limits }),
  })
  const events: SecurityEvent[] = []
  const program: ExposedCommand = {
    command,
    args,
    cwd: undefined,
    environment: (caller: CallerFacts | undefined) => ({
      PATH: process.env.PATH ?? '',
      ...(caller && { MCP_MTLS_CALLER_ID: caller.id, MCP_MTLS_CALLER: JSON.stringify(caller) }),
    }),
    instances: 'session',
    idle: 300_000,
    maxInstances: 100,
    startTimeout: 30_000,
    maxLine: 20_000_000,
    ...rest,
  }
  const server = await startServer(stdioServer(program, config), config, {
    log,
    onSecurityEvent: (event) => events.push(event),
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  return { server, url: server.url, events }
}
