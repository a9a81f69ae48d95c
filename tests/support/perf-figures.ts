import { expectations, type Figures, ratios } from '../../src/perf/expectations.js'
import type { CallFigures } from '../../src/perf/load/calls.js'
import type { ConnectionFigures } from '../../src/perf/load/handshakes.js'
import type { PerfResult } from '../../src/perf/perf-test.js'
import { curveParts } from '../../src/perf/statistics.js'

/** Figures as a quiet machine gives them, round ones. */
export function sampleFigures(): Figures {
  return {
    handshakes: { plain: connection(1), full: connection(4), resumed: connection(2) },
    calls: [call('http', 1), call('mtls', 1), call('http', 4), call('mtls', 4)],
    memory: { http: 10_000, mtls: 56_000 },
  }
}

export function sampleResult(change: Partial<PerfResult['environment']> = {}): PerfResult {
  const figures = sampleFigures()
  return {
    environment: {
      version: '1.2.3',
      node: '20.20.2',
      openssl: '3.0.19',
      platform: 'linux x64',
      cpu: 'A processor',
      cores: 2,
      load_average: 0.5,
      load_by_others: 0.01,
      date: '2026-11-20T12:00:00.000Z',
      duration_seconds: 28,
      servers: 'own',
      call: 'the tool echo',
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', key_exchange: 'X25519' },
      key: 'EC P-256',
      ...change,
    },
    ...figures,
    ratios: ratios(figures),
    expected: expectations(figures),
  }
}

const eight = <Value>(value: Value): Value[] => Array.from({ length: 8 }, () => value)
const curveOf = (p50: number) => curveParts.map((part) => p50 * (0.5 + part))

function connection(p50: number): ConnectionFigures {
  return {
    p50_ms: p50,
    p90_ms: p50 * 2,
    p99_ms: p50 * 3,
    count: 100,
    spread_percent: 5,
    curve: curveOf(p50),
    rounds: eight(p50),
  }
}

function call(transport: CallFigures['transport'], concurrency: number): CallFigures {
  const times = transport === 'http' ? 1 : 1.2
  return {
    transport,
    concurrency,
    calls_per_second: transport === 'http' ? 1000 : 800,
    p50_ms: times,
    p90_ms: times * 2,
    p99_ms: times * 5,
    server_cpu_us: transport === 'http' ? 400 : 500,
    spread_percent: 10,
    curve: curveOf(times),
    rounds: eight({ p50_ms: times, server_cpu_us: transport === 'http' ? 400 : 500 }),
  }
}
