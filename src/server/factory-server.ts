import type { McpServerConfig } from '../config/index.js'
import type { ServeBase, Served, Serves } from './listening-server.js'
import { type AnyServerFactory, checkFactory } from './mcp/any-server.js'
import { LateMessages } from './mcp/late-messages.js'
import { SdkDispatch } from './mcp/sdk-dispatch.js'
import { earlierVersions, protocolVersions } from './ops/health.js'

/** Serves what a factory of MCP servers makes. Calls it once before, to see that it does. */
export function factoryServer(factory: AnyServerFactory, config: McpServerConfig): Serves {
  return async (base: ServeBase): Promise<Served> => {
    const { name, logger, slow } = base
    const isOfThisSdk = await checkFactory(factory, (error) =>
      logger?.error(
        `${name}: its factory fails, and is called again for each request: ${error instanceof Error ? error.message : String(error)}`,
      ),
    )
    const late = new LateMessages(name, logger)
    const dispatch = new SdkDispatch(
      factory,
      {
        ...base,
        ...config.limits,
        sessions: config.sessions,
        perRequest: config.perRequest,
        onLate: late.onLate,
        onPerRequest: (reason) =>
          logger?.info(
            { event: 'per-request', name },
            `${name}: each request has a server of its own: ${reason}`,
          ),
      },
      slow,
    )
    return {
      dispatch,
      notify: dispatch.notify,
      protocolVersions: () => (isOfThisSdk ? protocolVersions : earlierVersions),
      lateMessages: () => late.count,
    }
  }
}
