// What a connection costs: to set up with its first answer, in full and resumed, and to keep.
import { measureHandshakes } from '../dist/perf/load/handshakes.js'
import { memoryPerConnection } from '../dist/perf/load/memory.js'
import { ServerUnderTest } from '../dist/perf/load/server-under-test.js'
import { round } from './figures.mjs'
import { clientContext, place, signal, silent } from './under-test.mjs'

/** @param {{ certDir: string, seconds: number, idle: number }} options */
export async function connectionCost({ certDir, seconds, idle }) {
  const at = place(certDir)
  const context = await clientContext(certDir)
  const servers = await Promise.all([ServerUnderTest.start('http', at), ServerUnderTest.start('mtls', at)])
  const [http, mtls] = servers
  const targets = [
    { url: http.url, secureContext: undefined },
    { url: mtls.url, secureContext: context },
  ]
  const { plain, full, resumed } = await measureHandshakes(targets, seconds * 1000, signal, silent)
  for (const server of servers) await server[Symbol.asyncDispose]()
  if (!plain || !full || !resumed) throw new Error('no session was resumed')
  return {
    handshake: {
      plain_ms: round(plain.p50_ms),
      full_ms: round(full.p50_ms),
      resumed_ms: round(resumed.p50_ms),
    },
    memory_per_connection_bytes: {
      http: await memoryPerConnection('http', at, undefined, idle, signal, silent),
      mtls: await memoryPerConnection('mtls', at, context, idle, signal, silent),
    },
  }
}
