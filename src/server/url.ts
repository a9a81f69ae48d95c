import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { McpServerConfig } from '../config/index.js'
import { bare, bracketed, hostPort } from '../text/host.js'
import { urlIn } from '../text/url.js'

/** Listening hosts that a client on this machine calls `localhost`; any other is called by its own name. */
const reachedByLocalhost = /^(localhost\.?|127\.0\.0\.1|0\.0\.0\.0|\[::\]|\[::ffff:(7f00:1|0:0)\])$/i

/** Where a server is reached, without a path; with port 0 when it does not listen. */
export function urlOf(
  server: Server,
  { host, tlsEnabled }: Pick<McpServerConfig, 'host' | 'tlsEnabled'>,
): string {
  const url = `http://${bracketed(host)}` // which has one spelling for each address
  const canonical = urlIn(url)?.hostname ?? host
  const name = reachedByLocalhost.test(canonical) ? 'localhost' : bare(host)
  return `${tlsEnabled ? 'https' : 'http'}://${hostPort({ host: name, port: portOf(server) })}`
}

/** The port a server listens on, 0 when it does not. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0
}
