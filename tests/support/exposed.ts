import type { Logger } from 'pino'
import { onTestFinished } from 'vitest'
import { type CommandConfig, parseServerConfig } from '../../src/config/index.js'
import { stdioServer } from '../../src/expose/stdio/serves.js'
import type { McpServerOptions, RunningServer, SecurityEvent } from '../../src/server/index.js'
import { type Serves, startServer } from '../../src/server/listening-server.js'
import type { World } from './world.js'

export interface Exposed {
  readonly server: RunningServer
  readonly url: string
  readonly events: SecurityEvent[]
  /** Of the log, what is said. */
  readonly lines: string[]
}

/** A program behind the gate, closed with the test. */
export async function exposed(
  { certDir }: Pick<World, 'certDir'>,
  [command, ...args]: readonly [string, ...string[]],
  {
    sessions = true,
    limits,
    ...rest
  }: Partial<CommandConfig> & Pick<Partial<McpServerOptions>, 'sessions' | 'limits'> = {},
): Promise<Exposed> {
  const config = parseServerConfig({
    name: `exposed-${crypto.randomUUID()}`,
    tls: { certDir },
    sessions,
    ...(limits && { limits }),
  })
  const events: SecurityEvent[] = []
  const program: CommandConfig = {
    command,
    args,
    cwd: process.cwd(),
    environment: (caller) => ({
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
  const lines: string[] = []
  const say = (_fields: unknown, line: string) => void lines.push(line)
  const logger = { debug: () => {}, info: say, warn: say, error: say } as unknown as Logger
  const serves: Serves = (base) => stdioServer(program, config)({ ...base, logger })
  const server = await startServer(serves, config, {
    log: false,
    onSecurityEvent: (event) => events.push(event),
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  return { server, url: server.url, events, lines }
}
