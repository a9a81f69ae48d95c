import type { PerfResult } from '../../../perf/perf-test.js'

/** The result as it is documented; without the curves, which only a page can show. */
export function perfJson({ environment, handshakes, calls, memory, ratios, expected }: PerfResult) {
  const { plain, full, resumed } = handshakes
  return {
    environment,
    handshake: { full: withoutCurve(full), resumed: withoutCurve(resumed), plain: withoutCurve(plain) },
    calls: calls.map(withoutCurve),
    memory_per_connection_bytes: memory.mtls ?? null,
    http_memory_per_connection_bytes: memory.http ?? null,
    ratios,
    expected,
  }
}

function withoutCurve<Figures extends { readonly curve: unknown }>(figures: Figures | undefined) {
  if (!figures) return null
  const { curve: _drawn, ...rest } = figures
  return rest
}
