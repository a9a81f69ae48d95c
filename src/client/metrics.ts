import type { Registry } from 'prom-client'
import { isOptions, requireCall } from '../config/index.js'
import type { PoolFigures } from './pool-figures.js'

/** Whoever keeps connections: `MtlsClient` and `MtlsFetch` do. */
export interface Pooled {
  pool(): PoolFigures | undefined
}

/**
 * Adds the connections of these clients, by name, to a registry of prom-client: gauges that are read when somebody
 * asks. The names are labels; they are the caller's own and so are few.
 */
export async function registerPools(
  registry: Registry,
  clients: Readonly<Record<string, Pooled>>,
): Promise<void> {
  requireCall(
    typeof registry?.registerMetric === 'function' &&
      isOptions(clients) &&
      Object.values(clients).every((client) => typeof client?.pool === 'function'),
    'registerPools(register, { weather: client }), with a registry of prom-client and clients by name',
  )
  const { Gauge } = await import('prom-client') // not for those who do not measure
  const figures = () => Object.entries(clients).map(([client, pooled]) => ({ client, pool: pooled.pool() }))
  const connections = new Gauge({
    name: 'mcp_mtls_client_connections',
    help: 'Open connections of a client',
    labelNames: ['client', 'state'],
    registers: [registry],
    collect: () => {
      for (const { client, pool } of figures()) {
        connections.set({ client, state: 'active' }, pool?.active ?? 0)
        connections.set({ client, state: 'idle' }, pool?.idle ?? 0)
      }
    },
  })
  const most = new Gauge({
    name: 'mcp_mtls_client_connections_max',
    help: 'Connections of a client to one server at most',
    labelNames: ['client'],
    registers: [registry],
    collect: () => {
      for (const { client, pool } of figures()) most.set({ client }, pool?.max ?? 0)
    },
  })
}
