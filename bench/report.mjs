import { round } from './figures.mjs'

/** @typedef {Awaited<ReturnType<typeof import('./steady.mjs').steady>>} Steady */
/** @typedef {Awaited<ReturnType<typeof import('./call-cost.mjs').callCost>>} CallCost */
/** @typedef {Awaited<ReturnType<typeof import('./connection-cost.mjs').connectionCost>>} ConnectionCost */
/** @typedef {{ environment: Record<string, unknown>, steady: Steady } & CallCost & ConnectionCost} Figures */
/** @typedef {{ what: string, expected: string, measured: string, met: boolean }} Expectation */

/** What people expect of mTLS, beside what was measured. @param {Figures} figures @returns {Expectation[]} */
export function expectations({ steady, calls, handshake, memory_per_connection_bytes: memory }) {
  const [http, mtls] = calls
  if (!http || !mtls) throw new Error('nothing was measured')
  const added = mtls.p50_ms - http.p50_ms
  const addedCpu = ((mtls.server_cpu_us - http.server_cpu_us) * steady.rate) / 10_000
  const handshakeAdds = handshake.full_ms - handshake.plain_ms
  const slowest = Math.min(...steady.servers.map((server) => server.calls_per_second))
  const kilobytes = memory.mtls / 1000
  return [
    {
      what: `${steady.servers.length} servers at ${steady.rate} calls/s each`,
      expected: 'no error',
      measured: `${slowest} calls/s, ${steady.errors.length} errors`,
      met: steady.errors.length === 0 && slowest > steady.rate * 0.95,
    },
    {
      what: 'a full handshake adds',
      expected: '5–10 ms',
      measured: `${round(handshakeAdds)} ms`,
      met: handshakeAdds <= 10,
    },
    {
      what: 'a request gets slower by',
      expected: 'under 5 ms',
      measured: `${round(added, 3)} ms`,
      met: added < 5,
    },
    {
      what: `CPU for TLS at ${steady.rate} calls/s`,
      expected: '1–2 %',
      measured: `${round(addedCpu, 1)} %`,
      met: addedCpu <= 2,
    },
    {
      what: 'memory of an idle connection',
      expected: '10 kB',
      measured: `${round(kilobytes, 0)} kB (HTTP: ${round(memory.http / 1000, 0)} kB)`,
      met: kilobytes <= 10,
    },
  ]
}

/** For people. @param {Figures & { expected: Expectation[] }} result */
export function report({ environment, steady, calls, judging_us, handshake, expected }) {
  const { cpu, cores, platform, node, openssl, version } = environment
  const [http, mtls] = calls
  const ratio = (/** @type {'p50_ms' | 'server_cpu_us' | 'calls_per_second'} */ figure) =>
    round((mtls?.[figure] ?? 0) / (http?.[figure] ?? 1))
  const names = { http: 'HTTP', mtls: 'mTLS', bare: "mTLS, SDK's own adapter" }
  return `${[
    `mcp-mtls ${version}, Node ${node}, OpenSSL ${openssl}, ${platform}, ${cores} × ${cpu}`,
    '',
    `${steady.rate} calls/s per server over mTLS for ${steady.seconds} s: ${steady.errors.length} errors (heap after collections)`,
    ...steady.errors.slice(0, 5).map((error) => `  ${error}`),
    table([
      ['server', 'calls/s', 'p50 ms', 'p99 ms', 'CPU %', 'heap MB', 'RSS MB', 'RSS kB/s'],
      ...steady.servers.map((server) => [
        server.name,
        server.calls_per_second,
        server.p50_ms,
        server.p99_ms,
        server.cpu_percent,
        `${server.heap_mb.start} → ${server.heap_mb.end}`,
        `${server.rss_mb.start} → ${server.rss_mb.end}`,
        server.rss_slope_kb_per_second,
      ]),
    ]),
    '',
    'One call of echo, 64 characters, on an open connection; CPU of the server, 8 in flight',
    table([
      ['', 'p50 ms', 'p90 ms', 'p99 ms', 'CPU µs', 'calls/s'],
      ...calls.map(({ transport, p50_ms, p90_ms, p99_ms, server_cpu_us, calls_per_second }) => [
        names[transport],
        p50_ms,
        p90_ms,
        p99_ms,
        server_cpu_us,
        calls_per_second,
      ]),
      ['mTLS / HTTP', ratio('p50_ms'), '', '', ratio('server_cpu_us'), ratio('calls_per_second')],
    ]),
    `Judging the certificate again, Host and Origin: ${judging_us} µs of each call`,
    '',
    `A connection with its first answer, p50: TCP ${handshake.plain_ms} ms, mTLS ${handshake.full_ms} ms, resumed ${handshake.resumed_ms} ms`,
    '',
    table([
      ['', 'expected', 'measured', ''],
      ...expected.map(({ what, expected, measured, met }) => [
        what,
        expected,
        measured,
        met ? 'met' : 'not met',
      ]),
    ]),
  ].join('\n')}\n`
}

/** Columns of one width each; the first to the left, the others to the right. @param {(string | number)[][]} rows */
function table(rows) {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((cells) => String(cells[column] ?? '').length)),
  )
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0),
        )
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
}
