import type { McpServerConfig } from '../../config/index.js'
import type { Serves } from '../../server/listening-server.js'

/** Serves what a server on this machine answers over plain HTTP. */
export function upstreamServer(_url: URL, _config: McpServerConfig): Serves {
  throw new Error('this part is not there yet')
}
