import type { CommandConfig, McpServerConfig } from '../../config/index.js'
import type { Serves } from '../../server/listening-server.js'

/** Serves what a program says on its standard output. */
export function stdioServer(_command: CommandConfig, _config: McpServerConfig): Serves {
  throw new Error('this part is not there yet')
}
