import type { CommandConfig, McpServerConfig } from '../../config/index.js'
import type { ServeBase, Served, Serves } from '../../server/listening-server.js'
import { LateMessages } from '../../server/mcp/late-messages.js'
import { SdkDispatch } from '../../server/mcp/sdk-dispatch.js'
import { earlierVersions, protocolVersions } from '../../server/ops/health.js'
import { exposedServers } from './exposed-server.js'
import { Instances } from './instances.js'

/** Answers by children, which end with it. */
class ExposedDispatch extends SdkDispatch {
  readonly #instances: Instances

  constructor(instances: Instances, ...of: ConstructorParameters<typeof SdkDispatch>) {
    super(...of)
    this.#instances = instances
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#instances.close()
  }

  endAtOnce(): void {
    this.#instances.endAtOnce()
  }
}

/** Serves programs that speak MCP on stdin and stdout: each is started when somebody calls. */
export function stdioServer(command: CommandConfig, config: McpServerConfig): Serves {
  return async (base: ServeBase): Promise<Served> => {
    const { name, logger, slow } = base
    const instances = new Instances({ ...command, name, logger })
    const late = new LateMessages(name, logger)
    const dispatch = new ExposedDispatch(
      instances,
      exposedServers(instances),
      {
        ...base,
        ...config.limits,
        sessions: config.sessions,
        perRequest: true,
        onLate: late.onLate,
        onPerRequest: () => {},
      },
      slow,
    )
    return {
      dispatch,
      notify: dispatch.notify,
      protocolVersions: () => (instances.isModern === false ? earlierVersions : protocolVersions),
      lateMessages: () => late.count,
      behind: () => instances.state,
    }
  }
}
