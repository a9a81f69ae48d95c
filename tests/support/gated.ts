import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import {
  createMtlsServer,
  identityOf,
  type MtlsServer,
  type MtlsServerOptions,
  type SecurityEvent,
} from '../../src/server/index.js'
import type { World } from './world.js'

/** Answers with the id of whom it is asked by. */
export const whoAsks: RequestListener = (request, response) => response.end(identityOf(request)?.id)

export interface Gated {
  readonly server: MtlsServer
  readonly events: SecurityEvent[]
}

/** A server that does not listen yet; closed with the test. */
export function makeGated(
  { certDir }: Pick<World, 'certDir'>,
  options: Partial<MtlsServerOptions> = {},
  listener: RequestListener = whoAsks,
): Gated {
  const events: SecurityEvent[] = []
  const server = createMtlsServer(listener, {
    name: `test-${crypto.randomUUID()}`,
    tls: { certDir },
    log: false,
    onSecurityEvent: (event) => events.push(event),
    ...options,
  })
  onTestFinished(() => server.mtls.close({ drainTimeout: 0 }))
  return { server, events }
}

/** The same, when it listens. */
export async function listening(
  ...args: Parameters<typeof makeGated>
): Promise<Gated & { readonly url: string }> {
  const gated = makeGated(...args)
  await once(gated.server.listen(), 'listening')
  return { ...gated, url: urlOf(gated.server) }
}

export function portOf(server: MtlsServer): number {
  return (server.address() as AddressInfo).port
}

export function urlOf(server: MtlsServer): string {
  return `https://localhost:${portOf(server)}/`
}
