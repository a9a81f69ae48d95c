import { fileURLToPath } from 'node:url'
import { bin, startCli, startNode } from './cli.js'
import { scratch } from './scratch.js'

const oneCall = fileURLToPath(new URL('../client/fixtures/one-call.mjs', import.meta.url))

/** Options of a Node whose resolver knows ::1 as the only address of `localhost`. */
export const localhostIsIpv6 = [
  '--import',
  `data:text/javascript,${encodeURIComponent(`
    import dns from 'node:dns'
    dns.lookup = (_host, { all }, done) =>
      all ? done(null, [{ address: '::1', family: 6 }]) : done(null, '::1', 6)
  `)}`,
]

/** The echo server in a process of its own, at this host; gives its URL as `localhost`. */
export async function serveEcho(host: string, certDir: string): Promise<string> {
  const args = ['serve', 'echo', '--host', host, '--tls-port', '0', '--cert-dir', certDir]
  const [url] = await startCli(args, { cwd: scratch() }).printed(/https:\/\/(localhost|\[::1\]):\d+\/mcp/)
  return url.replace('[::1]', 'localhost')
}

/** What `connect()`, `test-tls` and `ask` have to say about a server, each in a process of its own. */
export async function callsOver(url: string, certDir: string, node: readonly string[] = []) {
  const env = { MCP_ECHO_URL: url, TLS_CERT_DIR: certDir }
  const options = { cwd: scratch(), env }
  const [connected, tested, asked] = await Promise.all([
    startNode([...node, oneCall, url, certDir], options).finished,
    startNode([...node, bin, 'test-tls', url], options).finished,
    startNode([...node, bin, 'ask', 'echo hello'], options).finished,
  ])
  return {
    connect: connected.stdout.trim().split('\n').at(-1),
    testTls: tested.stdout.trim().split('\n').at(-1),
    ask: asked.stdout.trim(),
  }
}

export const allWell = {
  connect: 'done',
  testTls: 'mutual TLS works, both ways',
  ask: 'Echo: hello',
}
