import { defaultOf, type McpServerConfig } from '../../config/index.js'
import type { Serves } from '../../server/listening-server.js'
import { protocolVersions } from '../../server/ops/health.js'
import { UpstreamDispatch } from './upstream-dispatch.js'

/** Serves the MCP server at this URL, one that `upstreamProblem` has nothing against. It need not run yet. */
export function upstreamServer(url: URL, config: McpServerConfig): Serves {
  const sessions = config.sessions ?? {
    idle: defaultOf('sessionIdle'),
    max: defaultOf('maxSessions'),
    maxPerIdentity: defaultOf('maxSessionsPerIdentity'),
  }
  return async (base) => {
    const dispatch = new UpstreamDispatch(url, { ...base, sessions })
    return {
      dispatch,
      notify: {
        toolsChanged: () => dispatch.changed('tools'),
        promptsChanged: () => dispatch.changed('prompts'),
        resourcesChanged: () => dispatch.changed('resources'),
        resourceUpdated: () => {}, // the server behind tells of these itself
      },
      protocolVersions: () => protocolVersions.filter((version) => dispatch.spoken.has(version)),
      behind: () => dispatch.behind,
    }
  }
}
