import { expect, test } from 'vitest'
import { perfJson, perfLines } from '../../src/cli/commands/perf-test/report.js'
import { sampleResult } from '../support/perf-figures.js'

const plain = (_style: unknown, text: string) => text
const text = (result = sampleResult()) => perfLines(result, plain).join('\n')

test('the lines show machine, figures, ratios, and each expectation with its verdict', () => {
  expect(text()).toBe(`mcp-mtls 1.2.3, Node 20.20.2, OpenSSL 3.0.19, linux x64, 2 × A processor, load 0.5
Calls the tool echo of servers of its own on this machine; TLSv1.3 TLS_AES_256_GCM_SHA384 X25519, EC P-256

A connection with its first answer
                        p50 ms  p90 ms  p99 ms  spread
  HTTP                    1.00    2.00    3.00     5 %
  mTLS, full handshake    4.00    8.00   12.00     5 %
  mTLS, resumed           2.00    4.00    6.00     5 %

Calls over open connections
  in flight               calls/s  p50 ms  p90 ms  p99 ms  CPU µs  spread
  1          HTTP            1000    1.00    2.00    5.00     400    10 %
  1          mTLS             800    1.20    2.40    6.00     500    10 %
             mTLS / HTTP   × 0.80  × 1.20  × 1.20  × 1.20  × 1.25
  4          HTTP            1000    1.00    2.00    5.00     400    10 %
  4          mTLS             800    1.20    2.40    6.00     500    10 %
             mTLS / HTTP   × 0.80  × 1.20  × 1.20  × 1.20  × 1.25

Memory of an idle connection  mTLS 56 kB, HTTP 10 kB

What is expected of mTLS
  ✓ a full handshake adds         3 ms (3 … 3)        expected 5–10 ms     met
  ✓ a request gets slower by      0.2 ms (0.2 … 0.2)  expected under 5 ms  met
  ✓ CPU for TLS at 100 calls/s    1 % (1 … 1)         expected 1–2 %       met
  ✗ memory of an idle connection  56 kB               expected 10 kB       not met

CPU: of the server, for one call. Spread: between the lowest and the highest repetition, in percent of the middle one. In parentheses: where the median is, with 95 % confidence; an expectation between both ends is inconclusive.`)
})

test('a busy machine is told first, and what a server wrote is shown, not obeyed', () => {
  const lines = text(sampleResult({ load_average: 8, load_by_others: 0.3, call: 'the tool \x1b[2J' }))
  expect(lines.split('\n')[0]).toBe(
    'The machine was busy (load 8 on 2 cores before, others took 30 % of its CPU): trust the ratios, not the rates and times.',
  )
  expect(lines).toContain('the tool \\x1b[2J')
})

test('rounds that disagree leave an expectation open', () => {
  const result = sampleResult()
  const [first, ...others] = result.expected
  const open = { measured: '9 ms', interval: [3, 15], met: null, verdict: 'inconclusive' } as const
  const lines = text({ ...result, expected: first ? [{ ...first, ...open }, ...others] : [] })
  expect(lines).toMatch(/\? a full handshake adds +9 ms \(3 … 15\) +expected 5–10 ms +inconclusive/)
})

test('the JSON has the documented members, and neither curves nor rounds', () => {
  const json = perfJson(sampleResult())
  expect(Object.keys(json)).toEqual([
    'environment',
    'handshake',
    'calls',
    'memory_per_connection_bytes',
    'http_memory_per_connection_bytes',
    'ratios',
    'expected',
  ])
  expect(JSON.stringify(json)).not.toMatch(/curve|rounds/)
})
