import type { Launch } from '../../src/desktop/launch.js'

/** How a client starts a bridge. */
export function launch(env: Launch['env'] = {}, url = 'https://weather.example.org:8443/mcp'): Launch {
  return {
    command: '/usr/local/bin/node',
    args: ['/opt/mcp-mtls/dist/bundle/mcp-mtls.js', 'bridge', url, '--cert-dir', 'C:\\certs "of" mine'],
    env,
  }
}
